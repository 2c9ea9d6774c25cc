/**
 * How a stream begins: the server's preface says where to, the agent's answer says how it went.
 * Both are followed by the stream's own bytes at once; see docs/protocol.md.
 */
import { DecodeError } from "../errors.ts";
import type { DialFailure } from "../errors.ts";
import { BlockReader } from "./block_reader.ts";
import { decodeJsonObject, FieldReader } from "./json_object.ts";

/** What a stream is for. All absent: a byte stream to the default target. */
export interface Preface {
  /** "control" for the stream that carries messages between agent and server. */
  kind?: string;
  /** A target's name. */
  target?: string;
  /** "tcp" unless given; "udp": datagrams, each behind its u16 length. */
  network?: string;
  /** The client's address, "ip:port". */
  source?: string;
  /** Where the client wants to go, "host:port", where the cloud side names it. */
  destination?: string;
  /** The answer is to say how long the dial took. */
  timed?: boolean;
  /** Of what is traced, as W3C's field of that name. */
  traceparent?: string;
}

/** The first byte of an answer. */
export const ANSWER_STATUS = {
  open: 0,
  refused: 1,
  unreachable: 2,
  timeout: 3,
  notAllowed: 4,
  noTarget: 5,
  busy: 6,
  failed: 7,
} as const satisfies Record<DialFailure | "open" | "failed", number>;
export type AnswerStatus = keyof typeof ANSWER_STATUS;

/** What became of a stream's target. */
export interface Answer {
  status: AnswerStatus;
  /** Why not, for people. */
  reason?: string;
  /** How long the dial took. */
  dialMs?: number;
}

/** Largest preface or answer that is read; the u16 could say 65,535. */
export const MAX_PREFACE_BYTES = 4096;

const STATUS_NAMES = Object.keys(ANSWER_STATUS) as AnswerStatus[];
const EMPTY_PREFACE = new Uint8Array(2);
const TEXT_KEYS = ["kind", "target", "network", "source", "destination", "traceparent"] as const;
const NO_BYTES = new Uint8Array(0);
/** Characters of a reason, which is for people: JSON makes at most 6 bytes of each. */
const MAX_REASON = 600;
const utf8 = new TextEncoder();

/**
 * Writes a preface. The result is shared where it is empty: do not change it.
 *
 * @throws {RangeError} when it is longer than its reader would take.
 */
export function encodePreface(preface: Preface): Uint8Array {
  const { kind, network, source, destination, traceparent } = preface;
  const target = preface.target === "" ? undefined : preface.target;
  const timed = preface.timed === true ? true : undefined;
  if (!kind && !target && !network && !source && !destination && !timed && !traceparent) {
    return EMPTY_PREFACE;
  }
  const json = { kind, target, network, source, destination, timed, traceparent };
  return withLength(0, utf8.encode(JSON.stringify(json)));
}

/** Writes an answer; its reason is cut after 600 characters. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const { status, reason, dialMs } = answer;
  const json = reason === undefined && dialMs === undefined
    ? NO_BYTES
    : utf8.encode(JSON.stringify({ reason: reason?.slice(0, MAX_REASON), "dial_ms": dialMs }));
  const bytes = withLength(1, json);
  bytes[0] = ANSWER_STATUS[status];
  return bytes;
}

/** Reads a preface from bytes that come in pieces. */
export class PrefaceDecoder {
  #blocks: BlockReader | undefined;

  /** Bytes that are missing as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#blocks?.neededBytes ?? 2;
  }

  /**
   * Takes the next bytes; returns the preface once it is whole, with its JSON as it came and the
   * bytes behind it (which lie in `bytes`).
   *
   * @throws {DecodeError} too long, or not a JSON object of the right fields.
   */
  push(bytes: Uint8Array): { preface: Preface; json: Uint8Array; rest: Uint8Array } | undefined {
    // Nearly every stream begins like this: nothing is gathered, nothing parsed.
    if (this.#blocks === undefined && bytes.length >= 2 && bytes[0] === 0 && bytes[1] === 0) {
      return { preface: {}, json: NO_BYTES, rest: bytes.subarray(2) };
    }
    this.#blocks ??= new BlockReader(measurePreface);
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const json = found.bytes.subarray(2, found.size);
    return { preface: readPreface(json), json, rest: found.rest };
  }
}

/** Reads an answer from bytes that come in pieces. */
export class AnswerDecoder {
  #blocks: BlockReader | undefined;

  /** Bytes that are missing as far as is known, at least 1. */
  get neededBytes(): number {
    return this.#blocks?.neededBytes ?? 3;
  }

  /**
   * Takes the next bytes; returns the answer once it is whole, with its JSON as it came and the
   * bytes behind it (which lie in `bytes`).
   *
   * @throws {DecodeError} unknown status, too long, or not a JSON object of the right fields.
   */
  push(bytes: Uint8Array): { answer: Answer; json: Uint8Array; rest: Uint8Array } | undefined {
    if (
      this.#blocks === undefined && bytes.length >= 3 &&
      bytes[0] === ANSWER_STATUS.open && bytes[1] === 0 && bytes[2] === 0
    ) {
      return { answer: { status: "open" }, json: NO_BYTES, rest: bytes.subarray(3) };
    }
    this.#blocks ??= new BlockReader(measureAnswer);
    const found = this.#blocks.push(bytes);
    if (found === undefined) return undefined;
    const status = STATUS_NAMES[found.bytes[0]!]!;
    const json = found.bytes.subarray(3, found.size);
    return { answer: readAnswer(status, json), json, rest: found.rest };
  }
}

function measurePreface(bytes: Uint8Array, count: number, offset: number): number {
  if (count < 2) return 2;
  return 2 + checkedLength("stream preface", lengthAt(bytes, 0), offset);
}

function measureAnswer(bytes: Uint8Array, count: number, offset: number): number {
  if (count > 0 && STATUS_NAMES[bytes[0]!] === undefined) {
    const detail = `status is ${bytes[0]}, expected 0 to ${STATUS_NAMES.length - 1}`;
    throw new DecodeError({ format: "stream answer", reason: "type", offset, detail });
  }
  if (count < 3) return 3;
  return 3 + checkedLength("stream answer", lengthAt(bytes, 1), offset + 1);
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

function checkedLength(format: string, length: number, offset: number): number {
  if (length <= MAX_PREFACE_BYTES) return length;
  const detail = `length is ${length}, at most ${MAX_PREFACE_BYTES} is taken`;
  throw new DecodeError({ format, reason: "limit", offset, detail });
}

function readPreface(bytes: Uint8Array): Preface {
  if (bytes.length === 0) return {};
  const origin = { format: "stream preface", offset: 2 };
  const json = decodeJsonObject(bytes, origin);
  const fields = new FieldReader(json, origin);
  const preface: Preface = {};
  for (const key of TEXT_KEYS) {
    const value = fields.string(key);
    if (value !== "") preface[key] = value;
  }
  if (json["timed"] === true) preface.timed = true;
  return preface;
}

function readAnswer(status: AnswerStatus, bytes: Uint8Array): Answer {
  if (bytes.length === 0) return { status };
  const origin = { format: "stream answer", offset: 3 };
  const json = decodeJsonObject(bytes, origin);
  const answer: Answer = { status };
  const reason = new FieldReader(json, origin).string("reason");
  if (reason !== "") answer.reason = reason;
  const dialMs = json["dial_ms"];
  if (typeof dialMs === "number") answer.dialMs = dialMs;
  return answer;
}

function withLength(leadBytes: number, json: Uint8Array): Uint8Array {
  if (json.length > MAX_PREFACE_BYTES) {
    throw new RangeError(`Cannot encode ${json.length} bytes, at most ${MAX_PREFACE_BYTES} fit`);
  }
  const bytes = new Uint8Array(leadBytes + 2 + json.length);
  bytes[leadBytes] = json.length >> 8;
  bytes[leadBytes + 1] = json.length;
  bytes.set(json, leadBytes + 2);
  return bytes;
}
