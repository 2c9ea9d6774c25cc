/** The shared token, from a file or the environment: never from the command line. */
import { ConfigError } from "../lib/errors.ts";
import { Secret } from "../lib/secret.ts";

const MAX_TOKEN_BYTES = 4096;

/**
 * Reads the token that `--token-file` or `REVTUN_TOKEN` gives; undefined if neither does.
 *
 * @throws {ConfigError} both are given, or the file cannot be used.
 */
export async function readToken(
  values: { readonly "token-file": string | undefined; readonly token: string | undefined },
  sourceOf: (option: string) => string,
): Promise<Secret | undefined> {
  const path = values["token-file"];
  if (path === undefined) {
    return values.token === undefined || values.token === "" ? undefined : new Secret(values.token);
  }
  const source = sourceOf("token-file");
  if (values.token !== undefined) {
    throw new ConfigError(source, "REVTUN_TOKEN is set too, expected one of the two");
  }
  let text: string;
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new ConfigError(source, `${path} is a directory`);
    if (info.mode !== null && (info.mode & 0o002) !== 0) {
      throw new ConfigError(source, `${path} can be written by anyone, use chmod 600`);
    }
    if (info.size > MAX_TOKEN_BYTES) {
      throw new ConfigError(source, `${path} has ${info.size} bytes, more than a token has`);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof Deno.errors.NotFound
      ? "is not there"
      : error instanceof Deno.errors.PermissionDenied
      ? "cannot be read: permission denied"
      : `cannot be read: ${(error as Error).message}`;
    throw new ConfigError(source, `${path} ${reason}`);
  }
  const token = text.trim();
  if (token === "") throw new ConfigError(source, `${path} is empty`);
  return new Secret(token);
}
