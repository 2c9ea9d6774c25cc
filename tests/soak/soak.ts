/**
 * A server, two agents behind bad networks, clients that check every byte; a fault every so often,
 * chosen by a seed. After it all, and once a round, it has to be as if nothing had been.
 */
import { Pace } from "./pace.ts";
import { pick, seededRandom } from "./random.ts";
import { newTally, soakClient } from "./soak_client.ts";
import type { SoakTally } from "./soak_client.ts";
import { FAULTS } from "./soak_faults.ts";
import { HOST_NAMES, SoakWorld } from "./soak_world.ts";

/** How long, how often, how many. */
export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly faultEveryMs: number;
  /** After this the clients pause, and all is looked at. One minute by default. */
  readonly roundMs?: number;
  readonly clients: number;
  /** Requests a second of all clients together; as many as they can by default. */
  readonly rate?: number | undefined;
  /** Told of each fault, and of each round. */
  readonly print: (line: string) => void;
}

/** What came of it. */
export interface SoakReport extends SoakTally {
  readonly faults: number;
  /** POSTs that reached the backend twice. */
  readonly repeated: readonly string[];
  /** What did not come back to where it was, after each round and at the end; empty if all did. */
  readonly left: string[];
  /** JavaScript heap after each round, MiB; collected before where `gc()` is there to be called. */
  readonly heapMiB: readonly number[];
}

/** An answer or an error within this: first byte 5 s, hold 2 s, and what a bad link adds. */
const DEADLINE_MS = 30_000;

/** Runs one. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const random = seededRandom(options.seed);
  const world = await SoakWorld.start();
  const stop = new AbortController();
  const tally = newTally();
  const pace = new Pace(options.clients, options.rate);
  const clients = Array.from(
    { length: options.clients },
    (_, index) =>
      soakClient(world.url, `c${index}`, {
        signal: stop.signal,
        random: seededRandom(options.seed * 1000 + index),
        deadlineMs: DEADLINE_MS,
        tally,
        pace,
      }),
  );
  const startMs = performance.now();
  const say = (text: string) => options.print(`${seconds(startMs)} s  ${text}`);
  const endMs = startMs + options.seconds * 1000;
  const { roundMs = 60_000 } = options;
  let nextRoundMs = startMs + roundMs;
  const left: string[] = [];
  const heapMiB: number[] = [];
  let faults = 0;
  while (performance.now() < endMs) {
    const [name, inject] = pick(Object.entries(FAULTS), random);
    const index = Math.floor(random() * HOST_NAMES.length);
    faults += 1;
    say(`${name} at ${HOST_NAMES[index]}  (${tally.right} answers)`);
    const undo = await inject(world, index, random);
    await pause(options.faultEveryMs / 2);
    await undo?.();
    await pause(options.faultEveryMs / 2);
    if (performance.now() < nextRoundMs && performance.now() < endMs) continue;
    nextRoundMs += roundMs;
    await pace.pause();
    const more = await world.rest();
    heapMiB.push(heapInMiB());
    left.push(...more.map((what) => `${what} in round ${heapMiB.length}`));
    say(
      `round ${heapMiB.length}: heap ${heapMiB.at(-1)!.toFixed(2)} MiB, left: ${
        more.join(", ") || "nothing"
      }`,
    );
    if (performance.now() >= endMs) stop.abort();
    pace.resume();
  }
  await Promise.all(clients);
  const { repeated } = world.backend;
  left.push(...await world.end());
  return { ...tally, faults, repeated, left, heapMiB };
}

/** Heap in use, after a collection where `--v8-flags=--expose-gc` allows one. */
function heapInMiB(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().heapUsed / 2 ** 20;
}

function seconds(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(1).padStart(7);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
