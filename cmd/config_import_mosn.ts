/** `revtun config import-mosn`: a MOSN configuration as a settings file. */
import { stringify } from "@std/yaml";
import { readDocument } from "../lib/config/document.ts";
import { importMosn } from "../lib/config/import_mosn.ts";
import { ConfigFileError } from "../lib/config/problem.ts";
import { readFileText } from "../lib/config/read_file.ts";
import { ConfigError } from "../lib/errors.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";

/** Prints it; what it cannot say goes to stderr. */
export async function action({ file, stdout, stderr }: ConfigContext): Promise<number> {
  if (file === undefined) throw new ConfigError("FILE", "missing, see revtun config --help");
  const { value, problems } = readDocument((await readFileText(file)).text);
  if (problems.length > 0) {
    throw new ConfigFileError(file, problems.map((problem) => ({ ...problem, setting: "" })));
  }
  const { settings, notes } = importMosn(value);
  if (Object.keys(settings).length === 0) {
    throw new ConfigError(file, "has no tunnel_agent and no listener with the filter tunnel");
  }
  await stdout.write(stringify(settings));
  for (const note of notes) await stderr.write(`${file}: not carried over: ${note}\n`);
  return EXIT.ok;
}
