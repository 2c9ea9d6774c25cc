/** The proxy of an agent, from an option, the environment or a file. */
import { parseProxy } from "../lib/agent/proxy.ts";
import { ConfigError } from "../lib/errors.ts";
import type { DialProxy } from "../lib/transport/dial.ts";
import type { PROXY_OPTIONS } from "./agent_options.ts";
import type { OptionValues } from "./option.ts";
import { readSetting } from "./read_setting.ts";
import { readSecretFile } from "./read_token.ts";

const PASSWORD = /:\/\/[^@]*:[^@]*@/;

/**
 * Reads the proxy that `--proxy`, `REVTUN_PROXY` or `--proxy-file` gives; undefined if none does.
 *
 * @throws {ConfigError} two are given, the file cannot be used, it is no proxy's URL, or there is a
 * password in the command line.
 */
export async function readProxy(
  values: OptionValues<typeof PROXY_OPTIONS>,
  sourceOf: (option: string) => string,
): Promise<DialProxy | undefined> {
  const sources = { file: sourceOf("proxy-file"), text: sourceOf("proxy") };
  const secret = await readSecretFile(
    { file: values["proxy-file"], text: values.proxy },
    sources,
  );
  if (secret === undefined) return undefined;
  if (sources.text === "--proxy" && PASSWORD.test(values.proxy ?? "")) {
    throw new ConfigError(
      "--proxy",
      "has a password, and command lines are there for all to see: " +
        "set REVTUN_PROXY, or give a file of that URL as --proxy-file",
    );
  }
  const source = values.proxy === undefined ? sources.file : sources.text;
  return readSetting(source, () => parseProxy(secret.reveal()));
}
