/** Turns a client away: one counter, one line of the log, and what it can understand. */
import { formatAddress } from "../../address.ts";
import { ClosedError, RevtunError } from "../../errors.ts";
import { closeAfterReading } from "../close_after_reading.ts";
import type { ClientDuplex, FrontendServices } from "./frontend.ts";
import { EndedEarlyError, PrereadTimeoutError } from "./preread_client.ts";

/** How long a client that was told off may take to close its side. */
const LINGER_MS = 2000;

/** Why a client is turned away. */
export interface ClientRefusal {
  /** Counted under this name; a client that ended early or took too long under a name of its own. */
  readonly reason: string;
  /** In words, or what was thrown. */
  readonly detail: unknown;
  /** What it is told before it is closed. */
  readonly answer?: Uint8Array;
}

/** Refuses a client. @throws what `detail` is, where that is an error of our own making. */
export function refuseClient(
  client: ClientDuplex,
  { stats, runtime }: Pick<FrontendServices, "stats" | "runtime">,
  { reason, detail, answer }: ClientRefusal,
): void {
  const counter = detail instanceof PrereadTimeoutError
    ? "slow"
    : detail instanceof EndedEarlyError
    ? "ended"
    : reason;
  const message = messageOf(detail);
  stats.clientRefused(counter);
  runtime.log.debug("client.refused", `Refused a client: ${message}`, {
    client: formatAddress(client.remote),
    reason: counter,
  });
  if (answer === undefined) {
    client.close(new ClosedError("us", message));
    return;
  }
  client.write(answer);
  closeAfterReading(client, runtime.timers, LINGER_MS);
}

function messageOf(detail: unknown): string {
  if (typeof detail === "string") return detail;
  if (detail instanceof PrereadTimeoutError) return "it did not say in time where to";
  if (detail instanceof EndedEarlyError) return "it ended before it had said where to";
  if (detail instanceof RevtunError || detail instanceof RangeError) return detail.message;
  throw detail;
}
