/** Reads JSON objects that a peer sent, field by field, each of the type that it must have. */
import { DecodeError } from "../errors.ts";
import { parseJson } from "./json_parser.ts";
import type { JsonOrigin } from "./json_parser.ts";

/** A JSON object, its values not looked at yet. */
export type JsonObject = { readonly [key: string]: unknown };

/**
 * Reads `bytes` as one JSON object.
 *
 * @throws {DecodeError} `reason: "payload"`, with the byte that is wrong where it is known, or
 * `"limit"` when it is nested too deep.
 */
export function decodeJsonObject(bytes: Uint8Array, origin: JsonOrigin): JsonObject {
  const value = parseJson(bytes, origin);
  if (isObject(value)) return value;
  throw payloadError(origin, `JSON is ${kindOf(value)}, expected an object`);
}

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads typed fields of one object; a missing or null one gives the default. */
export class FieldReader {
  readonly #object: JsonObject;
  readonly #origin: JsonOrigin;

  constructor(object: JsonObject, origin: JsonOrigin) {
    this.#object = object;
    this.#origin = origin;
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

  /** @throws {DecodeError} when it is there and neither true nor false. */
  boolean(key: string, missing = false): boolean {
    const value = this.#object[key] ?? missing;
    return typeof value === "boolean" ? value : this.#wrong(key, "true or false");
  }

  /** @throws {DecodeError} when it is there and no list of strings. */
  strings(key: string): string[] {
    const value = this.#object[key] ?? [];
    const isList = Array.isArray(value) && value.every((entry) => typeof entry === "string");
    return isList ? value : this.#wrong(key, "a list of strings");
  }

  /** @throws {DecodeError} when it is there and no list of objects. */
  objects(key: string): JsonObject[] {
    const value = this.#object[key] ?? [];
    const isList = Array.isArray(value) && value.every(isObject);
    return isList ? value : this.#wrong(key, "a list of objects");
  }

  /** @throws {DecodeError} when it is there and no object. */
  object(key: string): JsonObject | undefined {
    const value = this.#object[key] ?? undefined;
    return value === undefined || isObject(value) ? value : this.#wrong(key, "an object");
  }

  #wrong(key: string, expected: string): never {
    const kind = kindOf(this.#object[key]);
    throw payloadError(this.#origin, `${key} is ${kind}, expected ${expected}`);
  }
}

/** An error about an object as a whole. */
export function payloadError(origin: JsonOrigin, detail: string): DecodeError {
  return new DecodeError({ ...origin, reason: "payload", detail });
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return `${value}`;
  return typeof value === "string" ? "a string" : `${typeof value}`;
}
