/**
 * A JSON parser (RFC 8259) that reads bytes of a peer.
 *
 * `JSON.parse` behind a `TextDecoder` costs two to three times as much on texts as short as ours,
 * gives no byte offset of a mistake, and recurses as deep as a peer likes (bench/codec_bench.ts).
 */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";

/** Deepest nesting that is read; what we exchange needs four levels. */
export const MAX_JSON_DEPTH = 16;

/** How errors of a text name it and where it starts. */
export interface JsonOrigin {
  /** "ConnectionInitInfo". */
  format: string;
  /** Bytes that precede the text in what is being decoded. */
  offset: number;
}

/** Strings up to this length are built here, longer ones by the platform's decoder. */
const SHORT_BYTES = 24;

/** Keys of the wire, so that no string is made for each of them anew. */
const KNOWN_KEYS = [
  "addresses",
  "agent_id",
  "cluster_name",
  "connection_id",
  "credential",
  "credential_policy",
  "destination",
  "dial_ms",
  "extra",
  "host_name",
  "kind",
  "mode",
  "modes",
  "network",
  "proxy_protocol",
  "purpose",
  "reason",
  "retry_after_ms",
  "revtun",
  "server_count",
  "server_id",
  "software",
  "source",
  "state",
  "status",
  "stream",
  "target",
  "targets",
  "timed",
  "traceparent",
  "traces",
  "version",
  "weight",
] as const;

const KEYS_BY_FIRST_BYTE: readonly (readonly string[])[] = Array.from(
  { length: 256 },
  (_, byte) => KNOWN_KEYS.filter((key) => key.charCodeAt(0) === byte),
);

/** 1 for the bytes of a string that stand for themselves and need no closer look. */
const IS_PLAIN = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
);

/** 1 for the bytes of a number that is more than an integer. */
const IS_NUMBER_PART = Uint8Array.from(
  { length: 256 },
  (_, byte) => ".eE".includes(String.fromCharCode(byte)) ? 1 : 0,
);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads `bytes` as one JSON value: what `JSON.parse` gives for the same text.
 *
 * @throws {DecodeError} `reason: "payload"`, or `"limit"` when it is nested deeper than 16 levels.
 */
export function parseJson(bytes: Uint8Array, origin: JsonOrigin): unknown {
  return new JsonParser(bytes, origin).parse();
}

class JsonParser {
  readonly #bytes: Uint8Array;
  readonly #origin: JsonOrigin;
  #at = 0;

  constructor(bytes: Uint8Array, origin: JsonOrigin) {
    this.#bytes = bytes;
    this.#origin = origin;
  }

  parse(): unknown {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#bytes.length) this.#fail("the end");
    return value;
  }

  #value(depth: number): unknown {
    this.#space();
    const byte = this.#bytes[this.#at];
    switch (byte) {
      case 0x22:
        this.#at += 1;
        return this.#string();
      case 0x7b:
        this.#enter(depth);
        return this.#object(depth + 1);
      case 0x5b:
        this.#enter(depth);
        return this.#array(depth + 1);
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #enter(depth: number): void {
    if (depth < MAX_JSON_DEPTH) {
      this.#at += 1;
      return;
    }
    throw this.#error("limit", this.#at, `nested deeper than ${MAX_JSON_DEPTH} levels`);
  }

  #object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#isNext(0x7d)) return object;
    for (;;) {
      if (!this.#isNext(0x22)) this.#fail("a key");
      const key = this.#key();
      if (!this.#isNext(0x3a)) this.#fail('":"');
      const value = this.#value(depth);
      if (key === "__proto__") {
        // Assigning would set the prototype.
        Object.defineProperty(object, key, {
          value,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      } else {
        object[key] = value;
      }
      if (this.#isNext(0x7d)) return object;
      if (!this.#isNext(0x2c)) this.#fail('"," or "}"');
    }
  }

  #array(depth: number): unknown[] {
    const list: unknown[] = [];
    if (this.#isNext(0x5d)) return list;
    for (;;) {
      list.push(this.#value(depth));
      if (this.#isNext(0x5d)) return list;
      if (!this.#isNext(0x2c)) this.#fail('"," or "]"');
    }
  }

  /** Reads a key behind its opening quote. */
  #key(): string {
    const bytes = this.#bytes;
    const start = this.#at;
    const candidates = KEYS_BY_FIRST_BYTE[bytes[start] ?? 0]!;
    for (let index = 0; index < candidates.length; index++) {
      const key = candidates[index]!;
      if (isTextAt(bytes, start, key) && bytes[start + key.length] === 0x22) {
        this.#at = start + key.length + 1;
        return key;
      }
    }
    return this.#string();
  }

  /** Reads a string behind its opening quote. */
  #string(): string {
    const bytes = this.#bytes;
    const start = this.#at;
    let end = start;
    while (end < bytes.length && IS_PLAIN[bytes[end]!] === 1) end += 1;
    if (end === bytes.length || bytes[end] !== 0x22) return this.#richString(start, end);
    this.#at = end + 1;
    if (end - start > SHORT_BYTES) return utf8.decode(bytes.subarray(start, end));
    return shortText(bytes, start, end);
  }

  /** Reads a string that has escapes or characters beyond ASCII; up to `at` it is plain. */
  #richString(start: number, at: number): string {
    const bytes = this.#bytes;
    let hasEscape = false;
    for (let byte = bytes[at]; byte !== 0x22; byte = bytes[at]) {
      if (byte === undefined || byte < 0x20) {
        this.#at = Math.min(at, bytes.length);
        this.#fail("the end of a string");
      }
      if (byte === 0x5c) {
        hasEscape = true;
        at += 1;
      }
      at += 1;
    }
    this.#at = at + 1;
    let text: string;
    try {
      text = utf8.decode(bytes.subarray(start, at));
    } catch (cause) {
      const wrong = start + firstInvalidByte(bytes.subarray(start, at));
      throw this.#error("payload", wrong, "text is not valid UTF-8", { cause });
    }
    if (!hasEscape) return text;
    try {
      return JSON.parse(`"${text}"`);
    } catch (cause) {
      throw this.#error("payload", start, "a string has a wrong escape", { cause });
    }
  }

  #number(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let end = start;
    let value = 0;
    while (end < bytes.length && isDigit(bytes[end]!)) value = value * 10 + bytes[end++]! - 0x30;
    const isShort = end > start && end - start < 10 && (bytes[start] !== 0x30 || end === start + 1);
    if (!isShort || (end < bytes.length && IS_NUMBER_PART[bytes[end]!] === 1)) {
      return this.#longNumber();
    }
    this.#at = end;
    return value;
  }

  #longNumber(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    if (bytes[start] === 0x2d) this.#at += 1;
    const firstDigit = this.#at;
    this.#digits(bytes[start] === 0x2d ? "a digit" : "a value");
    if (bytes[firstDigit] === 0x30 && this.#at > firstDigit + 1) {
      this.#at = firstDigit + 1;
      this.#fail("no digit behind a leading 0");
    }
    if (bytes[this.#at] === 0x2e) {
      this.#at += 1;
      this.#digits("a digit");
    }
    if (bytes[this.#at] === 0x65 || bytes[this.#at] === 0x45) {
      this.#at += 1;
      if (bytes[this.#at] === 0x2b || bytes[this.#at] === 0x2d) this.#at += 1;
      this.#digits("a digit");
    }
    return Number(utf8.decode(bytes.subarray(start, this.#at)));
  }

  #digits(expected: string): void {
    const bytes = this.#bytes;
    const start = this.#at;
    while (this.#at < bytes.length && isDigit(bytes[this.#at]!)) this.#at += 1;
    if (this.#at === start) this.#fail(expected);
  }

  #word<T>(word: string, value: T): T {
    if (!isTextAt(this.#bytes, this.#at, word)) this.#fail("a value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    const bytes = this.#bytes;
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return;
      this.#at += 1;
    }
  }

  /** Steps over `byte`, and space in front of it, if it is next. */
  #isNext(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) {
      this.#space();
      if (this.#bytes[this.#at] !== byte) return false;
    }
    this.#at += 1;
    return true;
  }

  #fail(expected: string): never {
    const byte = this.#bytes[this.#at];
    const found = byte === undefined
      ? "JSON ends"
      : byte > 0x20 && byte < 0x7f
      ? `JSON has "${String.fromCharCode(byte)}"`
      : `JSON has byte 0x${byte.toString(16).padStart(2, "0")}`;
    throw this.#error("payload", this.#at, `${found}, expected ${expected}`);
  }

  #error(reason: DecodeReason, at: number, detail: string, options?: ErrorOptions): DecodeError {
    const { format, offset } = this.#origin;
    return new DecodeError({ format, reason, offset: offset + at, detail }, options);
  }
}

/** Text of a few ASCII bytes; four a call, as each call and each joining costs. */
function shortText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isTextAt(bytes: Uint8Array, start: number, text: string): boolean {
  if (start + text.length > bytes.length) return false;
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** Bytes in front of the first one that no valid UTF-8 text could go on with. */
function firstInvalidByte(bytes: Uint8Array): number {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  // A replacement character that the text has itself is valid: it stands as 0xef 0xbf 0xbd.
  let at = 0;
  for (const character of text) {
    const isOwn = bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
    if (character === "\ufffd" && !isOwn) return at;
    const code = character.codePointAt(0)!;
    at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return at;
}
