/** Short ways to give heads to the parsers, whole and in pieces. */
import { INCOMPLETE } from "../../../lib/codec/http1/head.ts";
import type { HeadLimits } from "../../../lib/codec/http1/head.ts";
import { HttpError } from "../../../lib/codec/http1/http_error.ts";
import { RequestHead } from "../../../lib/codec/http1/request_head.ts";
import { ResponseHead } from "../../../lib/codec/http1/response_head.ts";

/** One byte a character, so that tests can write any byte. */
export function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A head of these lines. */
export function lines(...list: string[]): string {
  return [...list, "", ""].join("\r\n");
}

/** The status that the request's head is refused with, or 0. */
export function refusalOf(text: string, limits?: HeadLimits): number {
  const bytes = toBytes(text);
  const whole = attempt(bytes, [bytes.length], limits);
  const byByte = attempt(bytes, Array.from(bytes, (_, i) => i + 1), limits);
  if (whole !== byByte) throw new Error(`${whole} in one piece, ${byByte} byte by byte: ${text}`);
  return whole;
}

function attempt(bytes: Uint8Array, ends: number[], limits?: HeadLimits): number {
  const head = new RequestHead(limits);
  try {
    for (const end of ends) if (head.parse(bytes, 0, end) !== INCOMPLETE) return 0;
    return INCOMPLETE;
  } catch (error) {
    if (error instanceof HttpError) return error.status;
    throw error;
  }
}

/** Parses a request's head that is good and whole. */
export function parseRequest(text: string): RequestHead {
  const bytes = toBytes(text);
  const head = new RequestHead();
  if (head.parse(bytes, 0, bytes.length) === INCOMPLETE) throw new Error("The head is incomplete");
  return head;
}

/** Parses a response's head that is good and whole. */
export function parseResponse(text: string): ResponseHead {
  const bytes = toBytes(text);
  const head = new ResponseHead();
  if (head.parse(bytes, 0, bytes.length) === INCOMPLETE) throw new Error("The head is incomplete");
  return head;
}
