/** A client that asks without end and looks at every byte of the answers. */
import { bytesFor } from "./echo_backend.ts";
import type { Pace } from "./pace.ts";
import { pick } from "./random.ts";

/** What clients saw, all of them together. */
export interface SoakTally {
  /** Answers whose bytes were right. */
  right: number;
  /** Answers of 5xx: honest failures. */
  refused: number;
  /** Connections that broke before the whole answer was there. */
  broken: number;
  /** Each a violation: bytes that were not this request's, or another request's id. */
  wrong: string[];
  /** Each a violation: neither answer nor error within the deadline. */
  late: string[];
}

export function newTally(): SoakTally {
  return { right: 0, refused: 0, broken: 0, wrong: [], late: [] };
}

const SIZES = [0, 1, 500, 5000, 70_000, 1_000_000] as const;

/** Asks `url` until `signal`; every request has its own bytes and `deadlineMs` to be answered. */
export async function soakClient(
  url: string,
  name: string,
  options: {
    signal: AbortSignal;
    random: () => number;
    deadlineMs: number;
    tally: SoakTally;
    pace: Pace;
  },
): Promise<void> {
  const { signal, random, deadlineMs, tally, pace } = options;
  // A pool of its own: clients do not share connections.
  const newClient = () => Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  let client = newClient();
  let lastMs = 0;
  for (let count = 0; !signal.aborted; count++) {
    if (await pace.turn(lastMs, () => client.close())) client = newClient();
    if (signal.aborted) break;
    lastMs = performance.now();
    const id = `${name}-${count}`;
    const size = pick(SIZES, random);
    const isPost = random() < 0.3;
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const response = await fetch(`${url}/${id}/${isPost ? 0 : size}`, {
        client,
        signal: deadline,
        ...(isPost && { method: "POST", body: bytesFor(id, size) as BodyInit }),
      });
      const body = new Uint8Array(await response.arrayBuffer());
      if (response.status >= 500 && response.headers.has("x-revtun-error")) tally.refused += 1;
      else if (response.status !== 200) tally.wrong.push(`${id}: status ${response.status}`);
      else if (response.headers.get("x-id") !== id) {
        tally.wrong.push(`${id}: the answer to ${response.headers.get("x-id")}`);
      } else if (!isEqual(body, bytesFor(id, size))) tally.wrong.push(`${id}: other bytes`);
      else tally.right += 1;
    } catch (error) {
      if (deadline.aborted) tally.late.push(`${id}: ${error}`);
      else tally.broken += 1;
    }
  }
  client.close();
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
