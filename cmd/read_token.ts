/** The token of an agent or of a whole server, from a file or the environment: never an argument. */
import { readPrivateFile } from "../lib/auth/private_file.ts";
import { ConfigError } from "../lib/errors.ts";
import { Secret } from "../lib/secret.ts";

/** JSON web tokens of some issuers have several KiB. */
const MAX_TOKEN_BYTES = 16 << 10;

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
    { file: sourceOf("token-file"), text: sourceOf("token") },
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
  const { text } = await readPrivateFile(path, source, MAX_TOKEN_BYTES);
  const token = text.trim();
  if (token === "") throw new ConfigError(source, `${path} is empty`);
  return new Secret(token);
}
