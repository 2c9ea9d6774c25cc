/** `revtun config import-frp`: a file of frp's as a settings file. */
import { parse, TomlError } from "smol-toml";
import { readDocument } from "../lib/config/document.ts";
import { importFrp } from "../lib/config/import_frp.ts";
import { isObject } from "../lib/config/mosn_shape.ts";
import { ConfigFileError } from "../lib/config/problem.ts";
import { readFileText } from "../lib/config/read_file.ts";
import { ConfigError } from "../lib/errors.ts";
import type { ConfigContext } from "./config.ts";
import { printImported } from "./print_imported.ts";

/** Prints it; what it cannot say goes to stderr. */
export async function action(context: ConfigContext): Promise<number> {
  const { file } = context;
  if (file === undefined) throw new ConfigError("FILE", "missing, see revtun config --help");
  const { text } = await readFileText(file);
  if (text.replaceAll(/^\s*#.*$/gm, "").includes("{{")) {
    throw new ConfigError(file, "has templates of Go, {{…}}: write what they stand for");
  }
  const value = /\.(ya?ml|json)$/i.test(file) ? parseYaml(file, text) : parseToml(file, text);
  if (!isObject(value) || Object.keys(value).length === 0) {
    throw new ConfigError(file, "has no settings of frp");
  }
  return await printImported(context, file, importFrp(value));
}

function parseYaml(file: string, text: string): unknown {
  const { value, problems } = readDocument(text);
  if (problems.length === 0) return value;
  throw new ConfigFileError(file, problems.map((problem) => ({ ...problem, setting: "" })));
}

function parseToml(file: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    const message = /\.ini$/i.test(file) || /^\s*\[common\]/m.test(text)
      ? "is an ini file, as frp had them before 0.52: write it as TOML first"
      : error.message.split("\n")[0]!;
    throw new ConfigFileError(file, [{ line, column, setting: "", message }], { cause: error });
  }
}
