/**
 * Frames as plain JSON values, for people and scripts: what `decode-frame --json` prints and
 * `encode-frame` reads. Any frame comes back from its JSON as the bytes that it was.
 *
 * The form is described in docs/decode-frame.md.
 */
import { DecodeError } from "../errors.ts";
import { FRAME_FLAG, FRAME_KIND, isKnownFlag } from "./frame.ts";
import type { Frame, FrameKind } from "./frame.ts";
import { FieldReader, isObject, payloadError } from "./json_object.ts";
import type { JsonObject } from "./json_object.ts";
import { parseJson } from "./json_parser.ts";
import { FORMATS } from "./decode_message.ts";
import { ANSWER_STATUS } from "./preface.ts";
import type { WireFrame, YamuxFrame } from "./wire_frame.ts";
import { FLAG, FRAME_TYPE } from "./yamux.ts";

/** What is shown. */
export interface FrameJsonOptions {
  /** Credentials stand there as they are, else as "***"; then the bytes can't come back. */
  isCredentialShown: boolean;
}

const MASK = "***";
const ORIGIN = { format: "frame JSON", offset: 0 } as const;
const YAMUX_NAMES = ["data", "window_update", "ping", "go_away"] as const;
const YAMUX_VALUE_KEYS = ["length", "credit", "value", "code"] as const;
const FLAG_NAMES = Object.entries(FLAG).map(([name, bit]) => [name.toUpperCase(), bit] as const);
const STATUS_NAMES = Object.keys(ANSWER_STATUS);
const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as JSON: `payload_text` where they are text, else `payload_hex`. */
export function bytesToJson(bytes: Uint8Array): JsonObject {
  return textOrHex(bytes);
}

/** Reads what {@link bytesToJson} writes. @throws {DecodeError} `reason: "payload"`. */
export function bytesFromJson(json: JsonObject): Uint8Array {
  return payloadOf(json);
}

/** Writes a frame as JSON: `{"frame": name, ...}`. */
export function frameToJson(frame: WireFrame, options: FrameJsonOptions): JsonObject {
  switch (frame.protocol) {
    case "mosn":
      return mosnToJson(frame, options);
    case "yamux":
      return yamuxToJson(frame);
    case "preface":
      return { frame: "preface", ...payloadToJson(frame.payload) };
    case "answer": {
      const status = STATUS_NAMES[frame.status] ?? frame.status;
      return { frame: "answer", status, ...payloadToJson(frame.payload) };
    }
  }
}

/**
 * Reads what {@link frameToJson} writes, and what people write like it.
 *
 * @throws {DecodeError} `reason: "payload"`, naming the key that is wrong.
 */
export function frameFromJson(json: unknown): WireFrame {
  if (!isObject(json)) throw payloadError(ORIGIN, "JSON is not an object");
  const fields = new FieldReader(json, ORIGIN);
  const name = fields.string("frame");
  if (name === "preface") return { protocol: "preface", payload: payloadOf(json) };
  if (name === "answer") {
    return { protocol: "answer", status: statusOf(json), payload: payloadOf(json) };
  }
  if (name.startsWith("yamux.")) {
    return { protocol: "yamux", ...yamuxFromJson(name.slice("yamux.".length), json, fields) };
  }
  return { protocol: "mosn", ...mosnFromJson(name, json, fields) };
}

function mosnToJson(frame: Frame, { isCredentialShown }: FrameJsonOptions): JsonObject {
  const { flag, kind, payload } = frame;
  const isUsual = isKnownFlag(flag) && kind === usualKind(flag);
  return {
    ...(isKnownFlag(flag) ? { frame: FORMATS[flag] } : { frame: "unknown", flag }),
    ...(isUsual ? {} : { type: kind === FRAME_KIND.response ? "response" : "request" }),
    ...(isCredentialShown ? payloadToJson(payload) : maskedPayload(payload)),
  };
}

function mosnFromJson(name: string, json: JsonObject, fields: FieldReader): Frame {
  const known = Object.entries(FORMATS).find(([, format]) => format === name);
  if (known === undefined && name !== "unknown") {
    const names = [...Object.values(FORMATS), ...YAMUX_NAMES.map((yamux) => `yamux.${yamux}`)];
    throw payloadError(
      ORIGIN,
      `frame is "${name}", expected one of ${names.join(", ")}, preface, answer, unknown`,
    );
  }
  const flag = known === undefined ? inRange(fields, "flag", 0xff) : Number(known[0]);
  const type = fields.string("type");
  if (type !== "" && type !== "request" && type !== "response") {
    throw payloadError(ORIGIN, `type is "${type}", expected "request" or "response"`);
  }
  const kind = type === ""
    ? usualKind(flag)
    : type === "response"
    ? FRAME_KIND.response
    : FRAME_KIND.request;
  return { flag, kind, payload: payloadOf(json) };
}

function usualKind(flag: number): FrameKind {
  return flag === FRAME_FLAG.initResponse ? FRAME_KIND.response : FRAME_KIND.request;
}

function yamuxToJson(frame: YamuxFrame): JsonObject {
  const { type, flags, streamId, value, payload } = frame;
  const names = FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const rest = FLAG_NAMES.reduce((left, [, bit]) => left & ~bit, flags);
  return {
    frame: `yamux.${YAMUX_NAMES[type]}`,
    stream: streamId,
    flags: rest === 0 ? names : [...names, rest],
    [YAMUX_VALUE_KEYS[type]!]: value,
    ...(payload === undefined || payload.length === 0 ? {} : textOrHex(payload)),
  };
}

function yamuxFromJson(name: string, json: JsonObject, fields: FieldReader): YamuxFrame {
  const type = YAMUX_NAMES.findIndex((candidate) => candidate === name);
  if (type === -1) {
    const names = YAMUX_NAMES.join(", yamux.");
    throw payloadError(ORIGIN, `frame is "yamux.${name}", expected yamux.${names}`);
  }
  const flags = flagsOf(json["flags"] ?? []);
  const streamId = inRange(fields, "stream", 0xffffffff);
  if (type !== FRAME_TYPE.data) {
    return { type, flags, streamId, value: inRange(fields, YAMUX_VALUE_KEYS[type]!, 0xffffffff) };
  }
  const payload = payloadOf(json);
  const length = json["length"] === undefined
    ? payload.length
    : inRange(fields, "length", 0xffffffff);
  if (length !== payload.length) {
    const detail = `length is ${length}, but the payload has ${payload.length} bytes` +
      (payload.length === 0 ? ", decode it with --payload" : "");
    throw payloadError(ORIGIN, detail);
  }
  return { type, flags, streamId, value: length, payload };
}

function flagsOf(json: unknown): number {
  if (!Array.isArray(json)) throw payloadError(ORIGIN, "flags is not a list");
  let flags = 0;
  for (const entry of json) {
    const bit = FLAG_NAMES.find(([name]) => name === entry)?.[1] ?? entry;
    if (!Number.isInteger(bit) || bit < 0 || bit > 0xffff) {
      const names = FLAG_NAMES.map(([name]) => name).join(", ");
      throw payloadError(ORIGIN, `flag ${JSON.stringify(entry)} is none of ${names}`);
    }
    flags |= bit;
  }
  return flags;
}

function statusOf(json: JsonObject): number {
  const status = json["status"] ?? "open";
  const number = typeof status === "string" ? STATUS_NAMES.indexOf(status) : status;
  if (Number.isInteger(number) && (number as number) >= 0 && (number as number) <= 0xff) {
    return number as number;
  }
  const names = STATUS_NAMES.join(", ");
  throw payloadError(ORIGIN, `status is ${JSON.stringify(status)}, expected one of ${names}`);
}

/** JSON where it is JSON, and the bytes where writing that JSON would give others. */
function payloadToJson(payload: Uint8Array): JsonObject {
  if (payload.length === 0) return {};
  const json = jsonOf(payload);
  if (json === undefined) return textOrHex(payload);
  const isExact = isEqual(utf8.encode(JSON.stringify(json.value)), payload);
  return { payload: json.value, ...(isExact ? {} : { "payload_hex": payload.toHex() }) };
}

/** A payload without its credentials. What is no object may hold one anywhere: it is only counted. */
function maskedPayload(payload: Uint8Array): JsonObject {
  if (payload.length === 0) return {};
  const json = jsonOf(payload);
  if (json === undefined || !isObject(json.value)) return { "payload_bytes": payload.length };
  // Their exact bytes may hold what a repeated key hides.
  return { payload: JSON.parse(JSON.stringify(json.value, maskCredential)) };
}

/** As Go reads keys: in any case. */
function maskCredential(key: string, value: unknown): unknown {
  const isCredential = key.toLowerCase() === "credential" && value !== "" && value !== null;
  return isCredential ? MASK : value;
}

function isMasked(value: unknown): boolean {
  return isObject(value) &&
    Object.entries(value).some(([key, entry]) =>
      entry === MASK && key.toLowerCase() === "credential" || isMasked(entry)
    );
}

function payloadOf(json: JsonObject): Uint8Array {
  const { payload } = json;
  const fields = new FieldReader(json, ORIGIN);
  const hasBytes = json["payload_hex"] !== undefined || json["payload_text"] !== undefined;
  if (!hasBytes && (isMasked(payload) || json["payload_bytes"] !== undefined)) {
    throw payloadError(ORIGIN, "its credential is masked, decode it with --show-credentials");
  }
  if (json["payload_hex"] !== undefined) {
    const bytes = fromHex(fields.string("payload_hex"));
    const exact = payload === undefined ? undefined : jsonOf(bytes);
    if (payload !== undefined && JSON.stringify(exact?.value) !== JSON.stringify(payload)) {
      throw payloadError(ORIGIN, "payload and payload_hex differ, remove one of them");
    }
    return bytes;
  }
  if (json["payload_text"] !== undefined) return utf8.encode(fields.string("payload_text"));
  return payload === undefined ? new Uint8Array(0) : utf8.encode(JSON.stringify(payload));
}

function textOrHex(bytes: Uint8Array): JsonObject {
  try {
    const text = strictUtf8.decode(bytes);
    // deno-lint-ignore no-control-regex -- those that a terminal would act upon
    if (!/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(text)) {
      return { "payload_text": text };
    }
  } catch {
    // No text: hex it is.
  }
  return { "payload_hex": bytes.toHex() };
}

function fromHex(text: string): Uint8Array {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    throw payloadError(ORIGIN, "payload_hex is not an even number of hex digits");
  }
}

function jsonOf(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: parseJson(bytes, ORIGIN) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function inRange(fields: FieldReader, key: string, max: number): number {
  const value = fields.integer(key);
  if (value >= 0 && value <= max) return value;
  throw payloadError(ORIGIN, `${key} is ${value}, expected 0 to ${max}`);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
