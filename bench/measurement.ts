/** What was measured, as it is kept in bench/results/*.json. */

/** What a case's figure is in. */
export type Unit =
  | "req/s"
  | "conn/s"
  | "MB/s"
  | "ms"
  | "µs"
  | "%"
  | "s"
  | "KiB"
  | "MB"
  | "requests"
  | "answers";

/** One figure of one case for one peer, once for each round. */
export interface Measurement {
  /** Section of the benchmarks: "requests". */
  readonly section: string;
  /** Stable name of the case within its section: "keepalive-50". */
  readonly case: string;
  /** The same for people: "keep-alive, 50 connections". */
  readonly title: string;
  readonly unit: Unit;
  /** Which way is good. */
  readonly better: "higher" | "lower";
  readonly peer: string;
  readonly values: number[];
}

/** Where and with what it was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  readonly deno: string;
}

/** A peer that took part. */
export interface PeerInfo {
  readonly name: string;
  readonly version: string;
}

/** A peer, tool or single case that could not be had. */
export interface Missing {
  readonly what: string;
  readonly why: string;
}

/** One file of results. */
export interface Results {
  readonly format: 1;
  readonly startedAt: string;
  /** Command that was run. */
  readonly command: string;
  readonly machine: Machine;
  peers: PeerInfo[];
  missing: Missing[];
  measurements: Measurement[];
}

/** Collects the measurements of a run in the order in which they come. */
export class Recorder {
  readonly results: Results;

  constructor(results: Results) {
    this.results = results;
  }

  /** Adds a value to its case, which is made if it is new. */
  add(of: Omit<Measurement, "values">, value: number): void {
    const known = this.find(of.section, of.case, of.peer);
    if (known !== undefined) known.values.push(value);
    else this.results.measurements.push({ ...of, values: [value] });
  }

  find(section: string, name: string, peer: string): Measurement | undefined {
    return this.results.measurements.find((one) =>
      one.section === section && one.case === name && one.peer === peer
    );
  }

  /** Notes what is left out, once. */
  miss(what: string, why: string): void {
    if (this.results.missing.some((one) => one.what === what && one.why === why)) return;
    this.results.missing.push({ what, why });
  }

  /** Names a peer that takes part, once. */
  takesPart(peer: PeerInfo): void {
    if (!this.results.peers.some((one) => one.name === peer.name)) this.results.peers.push(peer);
  }

  /** Forgets what an earlier run measured in `sections`. */
  forget(sections: readonly string[]): void {
    this.results.measurements = this.results.measurements.filter((one) =>
      !sections.includes(one.section)
    );
  }
}

/**
 * Reads a file of results.
 *
 * @throws {Error} it cannot be read or is not one.
 */
export async function readResults(path: string): Promise<Results> {
  const text = await Deno.readTextFile(path);
  let value: Partial<Results>;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is no JSON: ${(error as Error).message}`);
  }
  if (value?.format !== 1 || !Array.isArray(value.measurements)) {
    throw new Error(`${path} holds no results of npm run bench (format 1)`);
  }
  return value as Results;
}

/** Writes a file of results: one line for each measurement, so that changes can be read. */
export async function writeResults(path: string, results: Results): Promise<void> {
  const { measurements, ...head } = results;
  const lines = measurements.map((one) => `    ${JSON.stringify(one, round)}`);
  const text = JSON.stringify(head, null, 2).replace(
    /\n}$/,
    `,\n  "measurements": [\n${lines.join(",\n")}\n  ]\n}\n`,
  );
  await Deno.writeTextFile(`${path}.tmp`, text);
  await Deno.rename(`${path}.tmp`, path);
}

/** Four digits say all that a run is good for. */
function round(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}
