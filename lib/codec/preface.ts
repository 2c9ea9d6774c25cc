/**
 * How a stream begins: the server's preface says where to, the agent's answer says how it went.
 * Both are followed by the stream's own bytes at once; see docs/protocol.md.
 */
import { DecodeError } from "../errors.ts";
import type { DialFailure } from "../errors.ts";
import { decodeJsonObject, FieldReader } from "./json_object.ts";
import type { JsonObject } from "./json_object.ts";

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
} as const satisfies Record<DialFailure | "open", number>;
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
const utf8 = new TextEncoder();

/** Writes a preface. The result is shared where it is empty: do not change it. */
export function encodePreface(preface: Preface): Uint8Array {
  const { kind, target, network, source, destination } = preface;
  const isDefault = !kind && !target && !network && !source && !destination;
  if (isDefault) return EMPTY_PREFACE;
  const json = { kind, target: target === "" ? undefined : target, network, source, destination };
  return withLength(0, utf8.encode(JSON.stringify(json)));
}

/** Writes an answer. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const { status, reason, dialMs } = answer;
  const json = reason === undefined && dialMs === undefined
    ? new Uint8Array(0)
    : utf8.encode(JSON.stringify({ reason, "dial_ms": dialMs }));
  const bytes = withLength(1, json);
  bytes[0] = ANSWER_STATUS[status];
  return bytes;
}

/** Reads a preface from bytes that come in pieces. */
export class PrefaceDecoder {
  readonly #block = new BlockDecoder("stream preface", 0);

  /**
   * Takes the next bytes; returns the preface once it is whole, with the bytes behind it (which
   * lie in `bytes`).
   *
   * @throws {DecodeError} too long, or not a JSON object of the right fields.
   */
  push(bytes: Uint8Array): { preface: Preface; rest: Uint8Array } | undefined {
    const block = this.#block.push(bytes);
    if (block === undefined) return undefined;
    return { preface: readPreface(block.json), rest: block.rest };
  }
}

/** Reads an answer from bytes that come in pieces. */
export class AnswerDecoder {
  readonly #block = new BlockDecoder("stream answer", 1);

  /**
   * Takes the next bytes; returns the answer once it is whole, with the bytes behind it (which lie
   * in `bytes`).
   *
   * @throws {DecodeError} unknown status, too long, or not a JSON object of the right fields.
   */
  push(bytes: Uint8Array): { answer: Answer; rest: Uint8Array } | undefined {
    const block = this.#block.push(bytes);
    if (block === undefined) return undefined;
    const status = STATUS_NAMES[block.lead];
    if (status === undefined) {
      throw new DecodeError({
        format: "stream answer",
        reason: "payload",
        offset: 0,
        detail: `status is ${block.lead}, expected 0 to ${STATUS_NAMES.length - 1}`,
      });
    }
    return { answer: readAnswer(status, block.json), rest: block.rest };
  }
}

interface Block {
  /** The first byte: what stands before the length, where something does. */
  lead: number;
  json: JsonObject | undefined;
  rest: Uint8Array;
}

/** A u16 length and that many bytes of JSON, behind `leadBytes` bytes. */
class BlockDecoder {
  readonly #format: string;
  readonly #headBytes: number;
  #held: Uint8Array | undefined;
  #heldBytes = 0;

  constructor(format: string, leadBytes: number) {
    this.#format = format;
    this.#headBytes = leadBytes + 2;
  }

  push(bytes: Uint8Array): Block | undefined {
    const headBytes = this.#headBytes;
    if (this.#heldBytes === 0 && bytes.length >= headBytes) {
      const size = headBytes + this.#jsonLength(bytes);
      if (bytes.length >= size) return this.#block(bytes, size, bytes.subarray(size));
    }
    let at = 0;
    for (;;) {
      const size = this.#heldBytes < headBytes
        ? headBytes
        : headBytes + this.#jsonLength(this.#held!);
      if (this.#heldBytes === size) return this.#block(this.#held!, size, bytes.subarray(at));
      if (at === bytes.length) return undefined;
      const part = bytes.subarray(at, at + size - this.#heldBytes);
      this.#hold(part);
      at += part.length;
    }
  }

  #block(whole: Uint8Array, size: number, rest: Uint8Array): Block {
    const headBytes = this.#headBytes;
    const json = size === headBytes
      ? undefined
      : decodeJsonObject(whole.subarray(headBytes, size), this.#format);
    return { lead: whole[0]!, json, rest };
  }

  #jsonLength(head: Uint8Array): number {
    const at = this.#headBytes - 2;
    const length = head[at]! << 8 | head[at + 1]!;
    if (length > MAX_PREFACE_BYTES) {
      throw new DecodeError({
        format: this.#format,
        reason: "limit",
        offset: at,
        detail: `length is ${length}, at most ${MAX_PREFACE_BYTES} is taken`,
      });
    }
    return length;
  }

  #hold(part: Uint8Array): void {
    // The largest block is small: one buffer of its size serves all the pieces.
    this.#held ??= new Uint8Array(this.#headBytes);
    if (this.#heldBytes + part.length > this.#held.length) {
      const grown = new Uint8Array(this.#headBytes + this.#jsonLength(this.#held));
      grown.set(this.#held);
      this.#held = grown;
    }
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes += part.length;
  }
}

function readPreface(json: JsonObject | undefined): Preface {
  if (json === undefined) return {};
  const fields = new FieldReader(json, "stream preface");
  const preface: Preface = {};
  for (const key of ["kind", "target", "network", "source", "destination"] as const) {
    const value = fields.string(key);
    if (value !== "") preface[key] = value;
  }
  return preface;
}

function readAnswer(status: AnswerStatus, json: JsonObject | undefined): Answer {
  if (json === undefined) return { status };
  const fields = new FieldReader(json, "stream answer");
  const answer: Answer = { status };
  const reason = fields.string("reason");
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
