/** `revtun config import-mosn`: a MOSN configuration as a settings file. */
import { readDocument } from "../lib/config/document.ts";
import { importMosn } from "../lib/config/import_mosn.ts";
import { ConfigFileError } from "../lib/config/problem.ts";
import { readFileText } from "../lib/config/read_file.ts";
import { ConfigError } from "../lib/errors.ts";
import type { ConfigContext } from "./config.ts";
import { printImported } from "./print_imported.ts";

/** Prints it; what it cannot say goes to stderr. */
export async function action(context: ConfigContext): Promise<number> {
  const { file } = context;
  if (file === undefined) throw new ConfigError("FILE", "missing, see revtun config --help");
  const { value, problems } = readDocument((await readFileText(file)).text);
  if (problems.length > 0) {
    throw new ConfigFileError(file, problems.map((problem) => ({ ...problem, setting: "" })));
  }
  const imported = importMosn(value);
  if (Object.keys(imported.settings).length === 0) {
    throw new ConfigError(file, "has no tunnel_agent and no listener with the filter tunnel");
  }
  return await printImported(context, file, imported);
}
