/** The shape of the lines that decode-frame --json prints; docs/decode-frame.schema.json is made of it. */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";

const count = () => v.pipe(v.number(), v.integer(), v.minValue(0));
const note = () => v.pipe(v.string(), v.description("For people"));
const isIncomplete = () => v.pipe(v.literal(false), v.description("The capture has not all of it"));

/** What every line has. */
const COMMON = {
  offset: v.pipe(count(), v.description("Bytes from the start of its direction")),
  direction: v.picklist(["agent-to-server", "server-to-agent", "unknown"]),
  bytes: v.pipe(count(), v.description("Its size with its header; 0 without bytes of its own")),
  connection: v.optional(v.pipe(count(), v.minValue(1), v.description("In a capture file"))),
  time: v.optional(v.pipe(v.number(), v.description("Seconds since 1970"))),
} as const;

/** How a payload is shown. */
const PAYLOAD = {
  payload: v.optional(v.pipe(v.unknown(), v.description("As JSON, where it is JSON"))),
  "payload_text": v.optional(v.pipe(v.string(), v.description("Other text"))),
  "payload_hex": v.optional(v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})*$/))),
  "payload_bytes": v.optional(v.pipe(count(), v.description("Its size, if it is not shown"))),
} as const;

const MOSN_FRAME = {
  ...PAYLOAD,
  frame: v.pipe(v.string(), v.description("A name of docs/protocol.md, or unknown")),
  flag: v.optional(v.pipe(count(), v.maxValue(255), v.description("Of unknown frames"))),
  type: v.optional(v.pipe(
    v.picklist(["request", "response"]),
    v.description("Where it is not the usual one"),
  )),
  complete: v.optional(isIncomplete()),
} as const;

const stream = () => v.pipe(count(), v.description("The stream's id"));

/** One line. */
export const recordSchema = v.variant("layer", [
  v.strictObject({ ...COMMON, layer: v.literal("mosn"), ...MOSN_FRAME }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("yamux"),
    frame: v.picklist(["yamux.data", "yamux.window_update", "yamux.ping", "yamux.go_away"]),
    stream: stream(),
    flags: v.pipe(
      v.array(v.union([v.string(), count()])),
      v.description("SYN, ACK, FIN, RST; a number for other bits"),
    ),
    length: v.optional(count()),
    credit: v.optional(count()),
    value: v.optional(count()),
    code: v.optional(count()),
    "payload_text": PAYLOAD.payload_text,
    "payload_hex": PAYLOAD.payload_hex,
    complete: v.optional(isIncomplete()),
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("stream"),
    frame: v.picklist(["preface", "answer", "unknown"]),
    stream: stream(),
    status: v.optional(v.union([v.string(), count()])),
    ...PAYLOAD,
    note: v.optional(note()),
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("control"),
    stream: stream(),
    ...MOSN_FRAME,
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("http1"),
    frame: v.picklist(["HTTP/1 request", "HTTP/1 response"]),
    "start_line": v.string(),
    headers: v.optional(count()),
    "body_bytes": v.optional(count()),
    framing: v.optional(v.picklist(["none", "length", "chunked", "close", "tunnel"])),
    complete: v.optional(isIncomplete()),
    note: v.optional(note()),
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("opaque"),
    frame: v.picklist(["HTTP/2", "TLS", "data"]),
    note: note(),
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("bytes"),
    frame: v.literal("bytes"),
    "payload_text": PAYLOAD.payload_text,
    "payload_hex": PAYLOAD.payload_hex,
  }),
  v.strictObject({
    ...COMMON,
    layer: v.literal("capture"),
    frame: v.picklist(["connection", "gap", "resumed", "assumed", "reset"]),
    from: v.optional(v.pipe(v.string(), v.description("Address and port"))),
    to: v.optional(v.pipe(v.string(), v.description("Address and port"))),
    note: v.optional(note()),
  }),
]);

/** The text of docs/decode-frame.schema.json. */
export function recordJsonSchema(): string {
  const schema = toJsonSchema(recordSchema, { target: "draft-2020-12" });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
