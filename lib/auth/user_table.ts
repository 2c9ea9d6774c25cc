/** Users and their passwords, for those who use a frontend: a file of `NAME:HASH` lines. */
import { matchesHash, parsePasswordHash } from "./password_hash.ts";
import type { PasswordHash } from "./password_hash.ts";

/** Verdicts that are remembered, good and bad ones apart, so that a guesser drives no user out. */
const MAX_REMEMBERED = 1024;
/** Passwords that are hashed at once: each takes a core while it lasts. */
const MAX_HASHING = 2;
/** Passwords that may wait for that; more are refused unheard. */
const MAX_WAITING = 64;

/** Checked passwords wait in too long a line. */
export class TooManyChecksError extends Error {
  override name = "TooManyChecksError";
}

/**
 * Who may come in. Hashing is dear by design, so a pair that was checked once is known from then on,
 * for as long as the table lives.
 */
export class UserTable {
  readonly #hashes: ReadonlyMap<string, PasswordHash>;
  /** Hashed for names that are not there, so that the time tells nothing. */
  readonly #decoy: PasswordHash;
  readonly #good = new Set<string>();
  readonly #bad = new Set<string>();
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #waiting: (() => void)[] = [];
  #hashing = 0;

  /**
   * @param text lines `NAME:$pbkdf2-sha256$…`; empty ones and those that start with `#` say nothing.
   * @throws {RangeError} naming the line, without its hash.
   */
  constructor(text: string) {
    const hashes = new Map<string, PasswordHash>();
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const colon = line.indexOf(":");
      const name = line.slice(0, colon);
      const where = `line ${index + 1}`;
      if (colon < 1) throw new RangeError(`${where} is not NAME:HASH`);
      if (hashes.has(name)) throw new RangeError(`${where} is a second line for "${name}"`);
      try {
        hashes.set(name, parsePasswordHash(line.slice(colon + 1).trim()));
      } catch (error) {
        throw new RangeError(`${where}, "${name}": ${(error as Error).message}`);
      }
    }
    const first = hashes.values().next().value;
    if (first === undefined) throw new RangeError("names no user");
    this.#hashes = hashes;
    this.#decoy = { ...first, salt: crypto.getRandomValues(new Uint8Array(16)) };
  }

  get names(): string[] {
    return [...this.#hashes.keys()];
  }

  /** What is known of `NAME:PASSWORD` without hashing; undefined if nothing is. */
  known(pair: string): boolean | undefined {
    if (this.#good.has(pair)) return true;
    return this.#bad.has(pair) ? false : undefined;
  }

  /**
   * Checks `NAME:PASSWORD`.
   *
   * @throws {TooManyChecksError} as a rejection.
   */
  async check(pair: string): Promise<boolean> {
    const known = this.known(pair);
    if (known !== undefined) return known;
    let check = this.#underWay.get(pair);
    if (check === undefined) {
      check = this.#hash(pair);
      this.#underWay.set(pair, check);
      const forget = () => this.#underWay.delete(pair);
      check.then(forget, forget);
    }
    return await check;
  }

  async #hash(pair: string): Promise<boolean> {
    if (this.#hashing >= MAX_HASHING) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new TooManyChecksError("Too many passwords are being checked");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#hashing += 1;
    }
    try {
      const colon = pair.indexOf(":");
      const hash = this.#hashes.get(pair.slice(0, colon));
      const isGood = await matchesHash(pair.slice(colon + 1), hash ?? this.#decoy) &&
        hash !== undefined;
      const verdicts = isGood ? this.#good : this.#bad;
      if (verdicts.size >= MAX_REMEMBERED) verdicts.clear();
      verdicts.add(pair);
      return isGood;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#hashing -= 1;
      else next();
    }
  }
}
