/** Reads JSON objects that a peer sent: strict UTF-8, bounded depth, typed fields. */
import { DecodeError } from "../errors.ts";
import type { DecodeReason } from "../errors.ts";

/** A JSON object, its values not looked at yet. */
export type JsonObject = { readonly [key: string]: unknown };

/** Deepest nesting that is read; what we exchange needs four levels. */
const MAX_DEPTH = 16;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads `bytes` as one JSON object.
 *
 * @param format what they should be, for the error: "ConnectionInitInfo".
 * @throws {DecodeError} `reason: "payload"`, with the byte that is wrong where it is known.
 */
export function decodeJsonObject(bytes: Uint8Array, format: string): JsonObject {
  // A depth bomb must not reach the parser's stack: brackets are counted before it runs.
  checkDepth(bytes, format);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw payloadError(format, "payload is not valid UTF-8", { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const detail = bytes.length === 0 ? "payload is empty" : `payload is not JSON`;
    throw payloadError(format, `${detail}, expected a JSON object`, { cause });
  }
  if (!isObject(value)) {
    throw payloadError(format, `payload is ${kindOf(value)}, expected a JSON object`);
  }
  return value;
}

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads typed fields of one object; a missing or null one gives the default. */
export class FieldReader {
  readonly #object: JsonObject;
  readonly #format: string;

  constructor(object: JsonObject, format: string) {
    this.#object = object;
    this.#format = format;
  }

  /** @throws {DecodeError} when it is there and no string. */
  string(key: string, missing = ""): string {
    const value = this.#object[key] ?? missing;
    return typeof value === "string" ? value : this.#wrong(key, "a string");
  }

  /** @throws {DecodeError} when it is there and no whole number that a double holds exactly. */
  integer(key: string, missing = 0): number {
    const value = this.#object[key] ?? missing;
    return Number.isSafeInteger(value) ? value as number : this.#wrong(key, "a whole number");
  }

  /** @throws {DecodeError} when it is there and no list of strings. */
  strings(key: string): string[] {
    const value = this.#object[key] ?? [];
    const isList = Array.isArray(value) && value.every((entry) => typeof entry === "string");
    return isList ? value : this.#wrong(key, "a list of strings");
  }

  /** @throws {DecodeError} when it is there and no object. */
  object(key: string): JsonObject | undefined {
    const value = this.#object[key] ?? undefined;
    return value === undefined || isObject(value) ? value : this.#wrong(key, "an object");
  }

  #wrong(key: string, expected: string): never {
    const kind = kindOf(this.#object[key]);
    throw payloadError(this.#format, `${key} is ${kind}, expected ${expected}`);
  }
}

function payloadError(format: string, detail: string, options?: ErrorOptions): DecodeError {
  const reason: DecodeReason = "payload";
  return new DecodeError({ format, reason, offset: 0, detail }, options);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return `${value}`;
  return typeof value === "string" ? "a string" : `${typeof value}`;
}

function checkDepth(bytes: Uint8Array, format: string): void {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isInString) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) isInString = false;
    } else if (byte === 0x22) {
      isInString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw new DecodeError({
          format,
          reason: "limit",
          offset: at,
          detail: `nested deeper than ${MAX_DEPTH} levels`,
        });
      }
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
}
