/** The access log of `revtun server`: its options, and its opening. */
import { ConfigError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AccessLog } from "../lib/server/access_log/access_log.ts";
import type { AccessLogOutput } from "../lib/server/access_log/access_log.ts";
import { parseShare } from "../lib/share.ts";
import { AppendFile } from "../lib/transport/append_file.ts";
import type { Context } from "./command.ts";
import type { OptionSpec, OptionValues } from "./option.ts";

export const ACCESS_LOG_OPTIONS = [
  {
    name: "access-log",
    kind: "string",
    placeholder: "FILE",
    isFixed: true,
    description: 'A line for each request and connection of clients, "-" for stdout; opened anew ' +
      "on SIGHUP",
    group: "Log",
  },
  {
    name: "access-log-format",
    kind: "string",
    placeholder: "FORMAT",
    choices: ["common", "json"],
    default: "common",
    isFixed: true,
    description: "Apache's combined format with fields of ours behind it, or JSON",
    group: "Log",
  },
  {
    name: "access-log-sample",
    kind: "string",
    placeholder: "SHARE",
    default: "1",
    parse: parseShare,
    isFixed: true,
    description: "Share of requests that are written, 0 to 1; what went wrong is always",
    group: "Log",
  },
] as const satisfies readonly OptionSpec[];

/**
 * Opens the access log that the settings ask for, if they ask for one; owned by the caller.
 *
 * @throws {ConfigError} its file cannot be opened.
 */
export async function openAccessLog(
  { values, sourceOf, stdout }: Context<OptionValues<typeof ACCESS_LOG_OPTIONS>>,
  runtime: Runtime,
): Promise<AccessLog | undefined> {
  const path = values["access-log"];
  if (path === undefined) return undefined;
  let output: AccessLogOutput;
  try {
    output = path === "-" ? stdout : await AppendFile.open(path);
  } catch (error) {
    const detail = (error as Error).message;
    throw new ConfigError(sourceOf("access-log"), `cannot write to it: ${detail}`);
  }
  return new AccessLog({
    output,
    format: values["access-log-format"],
    sample: parseShare(values["access-log-sample"]),
    runtime,
  });
}
