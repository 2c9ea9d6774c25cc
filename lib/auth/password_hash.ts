/**
 * Passwords as they may be kept: PBKDF2 with SHA-256 (RFC 8018), in the notation of Python's passlib,
 * `$pbkdf2-sha256$ROUNDS$SALT$HASH`, so that other tools can make them too.
 */

/** OWASP's advice of 2023 for PBKDF2 with SHA-256. */
export const DEFAULT_ROUNDS = 600_000;

const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** Beyond this a line in a file could keep a core busy for minutes. */
const MAX_ROUNDS = 10_000_000;

/** A hash, taken apart. */
export interface PasswordHash {
  readonly rounds: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array;
}

/** Hashes a password with a salt of its own. */
export async function hashPassword(password: string, rounds = DEFAULT_ROUNDS): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await derive(password, salt, rounds);
  return `$pbkdf2-sha256$${rounds}$${encode(salt)}$${encode(hash)}`;
}

/** Reads a hash. @throws {RangeError} without telling any of it. */
export function parsePasswordHash(text: string): PasswordHash {
  const match = /^\$pbkdf2-sha256\$([1-9]\d{0,7})\$([A-Za-z0-9./]+)\$([A-Za-z0-9./]+)$/.exec(text);
  if (match === null) {
    throw new RangeError("is no hash of the form $pbkdf2-sha256$ROUNDS$SALT$HASH");
  }
  const rounds = Number(match[1]);
  if (rounds > MAX_ROUNDS) throw new RangeError(`has over ${MAX_ROUNDS} rounds`);
  const [salt, hash] = [decode(match[2]!), decode(match[3]!)];
  if (hash.length !== HASH_BYTES) {
    throw new RangeError(`has a hash that is not ${HASH_BYTES} bytes`);
  }
  return { rounds, salt, hash };
}

/** True if `password` is the one that was hashed. Takes some 100 ms, on another thread. */
export async function matchesHash(password: string, expected: PasswordHash): Promise<boolean> {
  const actual = await derive(password, expected.salt, expected.rounds);
  let difference = 0;
  for (let i = 0; i < HASH_BYTES; i++) difference |= actual[i]! ^ expected.hash[i]!;
  return difference === 0;
}

async function derive(
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  rounds: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const secret = new TextEncoder().encode(password);
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, HASH_BYTES * 8));
}

/** Base64 as passlib has it: `.` for `+`, no padding. */
function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true }).replaceAll("+", ".");
}

/** @throws {RangeError} */
function decode(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text.replaceAll(".", "+"));
  } catch {
    throw new RangeError("has a salt or hash that is no base64");
  }
}
