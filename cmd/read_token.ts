/** The shared token, from a file or the environment: never from the command line. */
import { ConfigError } from "../lib/errors.ts";
import { Secret } from "../lib/secret.ts";

const MAX_TOKEN_BYTES = 4096;

/** A secret's two ways in; `text` is its environment variable's content. */
interface SecretInit<T> {
  readonly file: T;
  readonly text: T;
}

/**
 * Reads the token that `--token-file` or `REVTUN_TOKEN` gives; undefined if neither does.
 *
 * @throws {ConfigError} both are given, or the file cannot be used.
 */
export function readToken(
  values: { readonly "token-file": string | undefined; readonly token: string | undefined },
  sourceOf: (option: string) => string,
): Promise<Secret | undefined> {
  return readSecretFile(
    { file: values["token-file"], text: values.token },
    { file: sourceOf("token-file"), text: "REVTUN_TOKEN" },
  );
}

/**
 * Reads a secret from a file or takes it as it is; undefined if there is neither.
 *
 * @param sources who gave them, for messages.
 * @throws {ConfigError} both are given, or the file cannot be used.
 */
export async function readSecretFile(
  values: SecretInit<string | undefined>,
  sources: SecretInit<string>,
): Promise<Secret | undefined> {
  const path = values.file;
  if (path === undefined) {
    return values.text === undefined || values.text === "" ? undefined : new Secret(values.text);
  }
  const source = sources.file;
  if (values.text !== undefined) {
    throw new ConfigError(source, `${sources.text} is set too, expected one of the two`);
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
