/** What tells an agent which tunnel servers there are: the interface that every lister has. */
import type { Address } from "../../address.ts";

/** What a lister found. */
export interface ServerListing {
  /** Names or addresses; a name stands for each address that it resolves to. */
  readonly servers: readonly Address[];
  /** How long it holds, ms; until the next look at `intervalMs` if undefined. */
  readonly validMs?: number;
}

/** A place that knows of servers; see docs/discovery.md for how one is added. */
export interface ServerLister {
  /** Where it looks, for logs: "dns tunnel.example.com", "file /etc/revtun/servers.yaml". */
  readonly name: string;
  /**
   * Looks once. Must end soon after `signal` is aborted.
   *
   * @throws {Error} it cannot be known now; the last list stays. Its message is for the log.
   */
  list(signal: AbortSignal): Promise<ServerListing>;
  /**
   * Calls `changed` when another look is worth it before its time; the result ends that. Absent
   * where only looking can tell.
   */
  watch?(changed: () => void): () => Promise<void>;
}
