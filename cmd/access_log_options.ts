/** The access log of `revtun server`: its options, and its opening. */
import { ConfigError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { AccessLog } from "../lib/server/access_log/access_log.ts";
import type { AccessLogOutput, AccessLogSettings } from "../lib/server/access_log/access_log.ts";
import { parseShare } from "../lib/share.ts";
import { AppendFile } from "../lib/transport/append_file.ts";
import type { Context } from "./command.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import type { Settings } from "./settings.ts";

export const ACCESS_LOG_OPTIONS = [
  {
    name: "access-log",
    kind: "string",
    placeholder: "FILE",
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
    description: "Apache's combined format with fields of ours behind it, or JSON",
    group: "Log",
  },
  {
    name: "access-log-sample",
    kind: "string",
    placeholder: "SHARE",
    default: "1",
    parse: parseShare,
    description: "Share of requests that are written, 0 to 1; what went wrong is always",
    group: "Log",
  },
] as const satisfies readonly OptionSpec[];

type AccessLogValues = OptionValues<typeof ACCESS_LOG_OPTIONS>;

/** The access log of a server, from its first settings on to others. */
export class ServerAccessLog implements AsyncDisposable {
  readonly log: AccessLog;
  readonly #stdout: AccessLogOutput;
  #path: string | undefined;
  #output: AccessLogOutput | undefined;

  private constructor(
    log: AccessLog,
    place: { stdout: AccessLogOutput; path: string | undefined; output?: AccessLogOutput },
  ) {
    this.log = log;
    this.#stdout = place.stdout;
    this.#path = place.path;
    this.#output = place.output;
  }

  /**
   * Opens what the settings ask for, which may be nothing; owned by the caller.
   *
   * @throws {ConfigError} its file cannot be opened.
   */
  static async open(
    { values, sourceOf, stdout }: Context<AccessLogValues>,
    runtime: Runtime,
  ): Promise<ServerAccessLog> {
    const path = values["access-log"];
    const output = await openOutput(path, sourceOf, stdout);
    const log = new AccessLog(settingsOf(values, output), runtime);
    return new ServerAccessLog(log, { stdout, path, ...(output !== undefined && { output }) });
  }

  /**
   * Gets ready for other settings: one of the two is to be called. They count from when those of
   * before have been written, which nobody waits for.
   *
   * @throws {ConfigError} its file cannot be opened; all is as it was.
   */
  async prepare(
    { values, sourceOf }: Settings<AccessLogValues>,
  ): Promise<{ commit(): void; undo(): void }> {
    const path = values["access-log"];
    const isSame = path === this.#path;
    const output = isSame ? this.#output : await openOutput(path, sourceOf, this.#stdout);
    return {
      commit: () => {
        this.#path = path;
        this.#output = output;
        void this.log.configure(settingsOf(values, output));
      },
      undo: () => {
        if (!isSame) output?.close?.();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.log[Symbol.asyncDispose]();
  }
}

function settingsOf(
  values: AccessLogValues,
  output: AccessLogOutput | undefined,
): AccessLogSettings {
  const sample = parseShare(values["access-log-sample"]);
  return { output, format: values["access-log-format"], sample };
}

/** @throws {ConfigError} */
async function openOutput(
  path: string | undefined,
  sourceOf: (name: string) => string,
  stdout: AccessLogOutput,
): Promise<AccessLogOutput | undefined> {
  if (path === undefined || path === "-") return path === undefined ? undefined : stdout;
  try {
    return await AppendFile.open(path);
  } catch (error) {
    const detail = (error as Error).message;
    throw new ConfigError(sourceOf("access-log"), `cannot write to it: ${detail}`);
  }
}
