/** What is wrong with a settings file, and where. */
import { ConfigError } from "../errors.ts";
import type { Path, Position } from "./document.ts";

/** One thing that is wrong. */
export interface Problem extends Position {
  /** The setting, as its user would write it: "agent.server_list[1]"; "" for the whole file. */
  readonly setting: string;
  /** What is wrong with it and what was expected. */
  readonly message: string;
}

/** A settings file that cannot be used. */
export class ConfigFileError extends ConfigError {
  override name = "ConfigFileError";
  readonly file: string;
  /** In the order of the file; at least one. */
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[], options?: ErrorOptions) {
    const [first, ...more] = problems;
    const rest = more.length === 0
      ? ""
      : ` (and ${more.length} more: revtun config check ${file} shows all)`;
    super(placeOf(file, first), `${first?.message ?? ""}${rest}`, options);
    this.file = file;
    this.problems = problems;
  }
}

/** Writes a problem as one line: `agent.yaml:3:5: agent.weight: …`. */
export function formatProblem(file: string, problem: Problem): string {
  return `${placeOf(file, problem)}: ${problem.message}`;
}

/** Writes a path the way messages show it. */
export function formatPath(path: Path): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("")
    .replace(/^\./, "");
}

function placeOf(file: string, problem: Problem | undefined): string {
  if (problem === undefined || problem.line === 0) return file;
  const place = `${file}:${problem.line}:${problem.column}`;
  return problem.setting === "" ? place : `${place}: ${problem.setting}`;
}
