/** What was asked for on the command line. */

/** Options of `npm run bench`. */
export interface BenchArguments {
  /** Sections by name; all that are known if none is given. */
  readonly sections: readonly string[];
  readonly isQuick: boolean;
  /** Peers by name; all if undefined. */
  readonly peers: readonly string[] | undefined;
  readonly rounds: number | undefined;
  /** Results to bring up to date instead of starting anew. */
  readonly into: string | undefined;
  /** Only make the document from these results; "" for the newest. */
  readonly report: string | undefined;
}

export const USAGE = `npm run bench -- [SECTION…] [OPTION…]

  --quick           one short round of each case, nothing is built: within 4 minutes
  --rounds=N        rounds of each case, 2 by default
  --peers=A,B       only these peers
  --into=FILE       bring FILE up to date with the sections that run
  --report[=FILE]   measure nothing, make docs/performance.md from FILE or the newest results
`;

/**
 * Reads the arguments.
 *
 * @throws {Error} one of them means nothing; one line.
 */
export function parseArguments(
  args: readonly string[],
  known: readonly string[],
): BenchArguments {
  const values = new Map<string, string>();
  const sections: string[] = [];
  for (const arg of args) {
    const option = /^--([a-z]+)(?:=(.*))?$/.exec(arg);
    if (option !== null) values.set(option[1]!, option[2] ?? "");
    else sections.push(arg);
  }
  const stranger = sections.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new Error(`No section "${stranger}", there are ${known.join(", ")}`);
  }
  for (const name of values.keys()) {
    if (!["quick", "rounds", "peers", "into", "report"].includes(name)) {
      throw new Error(`No option --${name}\n\n${USAGE}`);
    }
  }
  const rounds = values.get("rounds");
  if (rounds !== undefined && !/^[1-9]\d?$/.test(rounds)) {
    throw new Error(`--rounds=${rounds}: expected 1 to 99`);
  }
  return {
    sections: sections.length > 0 ? sections : known,
    isQuick: values.has("quick"),
    peers: values.get("peers")?.split(","),
    rounds: rounds === undefined ? undefined : Number(rounds),
    into: values.get("into"),
    report: values.get("report"),
  };
}
