/** Warns where an agent's credential goes through networks unencrypted. */
import { formatAddress, isLoopback } from "../address.ts";
import type { Address } from "../address.ts";
import type { Log } from "../log.ts";
import type { DialProxy } from "../transport/dial.ts";

/** What is wrong, and what helps: for logs and probes. */
export const CLEAR_TEXT = {
  detail: "the credential goes there unencrypted, whoever is on the way can take it",
  advice: "dial inside TLS: tls:// in front of the address, or --tls; " +
    "the server has it by --tls-cert or --tls auto",
} as const;

/** Servers that are named in a warning; more are counted. */
const MAX_NAMED = 5;

/** What decides about it. */
interface Way {
  readonly credential?: unknown;
  readonly tls?: unknown;
  readonly proxy?: DialProxy | undefined;
}

/** A credential would reach `server` in the clear, off this machine. */
export function isInTheClear({ credential, tls, proxy }: Way, server: Address): boolean {
  if (credential === undefined || tls !== undefined) return false;
  // A proxy's loopback is another machine's.
  return !isLoopback(server) ||
    server.kind !== "unix" && proxy !== undefined && !isLoopback(proxy.address);
}

/** Looks at an agent's servers whenever they or its settings change. */
export class ClearTextWatch {
  readonly #log: Log;
  /** Of which it was said. */
  #known: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says once of each of `servers` that the credential goes to it in the clear, in one line. */
  look(config: Way, servers: readonly Address[]): void {
    const names = new Set(
      servers.filter((server) => isInTheClear(config, server)).map(formatAddress),
    );
    const news = [...names].filter((name) => !this.#known.has(name));
    this.#known = names;
    if (news.length === 0) return;
    const more = news.length > MAX_NAMED ? ` and ${news.length - MAX_NAMED} more` : "";
    this.#log.warn(
      "credential.exposed",
      `Not all servers are dialled inside TLS: ${CLEAR_TEXT.detail}; ${CLEAR_TEXT.advice}`,
      { servers: `${news.slice(0, MAX_NAMED).join(",")}${more}` },
    );
  }
}
