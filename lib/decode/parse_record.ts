/** Bytes from the JSON lines that decode-frame prints, or from simpler ones written by hand. */
import { bytesFromJson, frameFromJson } from "../codec/frame_json.ts";
import { isObject } from "../codec/json_object.ts";
import type { JsonObject } from "../codec/json_object.ts";
import { parseJson } from "../codec/json_parser.ts";
import { encodeWireFrame } from "../codec/wire_frame.ts";
import { DecodeError } from "../errors.ts";

/** Layers whose bytes are those of other records. */
const VIEWS = new Set<unknown>(["stream", "control", "capture"]);
/** Layers that stand for bytes which only records of the layer "bytes" hold. */
const SUMMARIES = new Set<unknown>(["http1", "opaque"]);
const FRAMES = new Set<unknown>(["mosn", "yamux", undefined]);
const EMPTY = new Uint8Array(0);
const ORIGIN = { format: "frame JSON", offset: 0 };

/** What one line gives. */
export interface ParsedRecord {
  /** Empty for lines that only describe bytes of others. */
  readonly bytes: Uint8Array;
  readonly kind: "frame" | "bytes" | "view" | "summary";
  /** The connection and the direction that it belongs to, where it says so. */
  readonly connection?: unknown;
  readonly direction?: unknown;
}

/**
 * Makes the bytes of one line.
 *
 * @throws {DecodeError} saying what is wrong with it.
 */
export function parseRecord(line: Uint8Array): ParsedRecord {
  const record = parseJson(line, ORIGIN);
  if (!isObject(record)) throw wrong("it is not a JSON object");
  const { layer, connection, direction } = record;
  const from = { connection, direction };
  if (VIEWS.has(layer)) return { ...from, bytes: EMPTY, kind: "view" };
  if (SUMMARIES.has(layer)) return { ...from, bytes: EMPTY, kind: "summary" };
  if (layer === "bytes") return { ...from, bytes: bytesFromJson(record), kind: "bytes" };
  if (FRAMES.has(layer)) return { ...from, bytes: encodeRecord(record), kind: "frame" };
  throw wrong(`layer is ${JSON.stringify(layer)}, expected mosn, yamux, bytes or none`);
}

function encodeRecord(record: JsonObject): Uint8Array {
  try {
    return encodeWireFrame(frameFromJson(record));
  } catch (error) {
    // Its payload does not fit the frame.
    throw error instanceof RangeError ? wrong(error.message) : error;
  }
}

function wrong(detail: string): DecodeError {
  return new DecodeError({ ...ORIGIN, reason: "payload", detail });
}
