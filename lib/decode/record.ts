/** What decoding a capture gives: one record for each frame, message or event. */

/** Who sent it; as far as it is known. */
export type Direction = "agent-to-server" | "server-to-agent" | "unknown";

/** What a record is of. */
export type Layer =
  /** A MOSN frame: handshake or graceful close. */
  | "mosn"
  /** A frame of a session. */
  | "yamux"
  /** A stream's preface or answer; its bytes are those of yamux data frames. */
  | "stream"
  /** A control message on a control stream; its bytes are those of yamux data frames. */
  | "control"
  /** An HTTP/1 message on a raw connection. */
  | "http1"
  /** What a raw connection carries besides HTTP/1, in sum: it is not looked into. */
  | "opaque"
  /** Bytes behind a handshake as they are, where payloads were asked for. */
  | "bytes"
  /** Something of the capture: a connection, bytes that are not in it, a reset. */
  | "capture";

/** One thing that went over a connection. */
export interface DecodedRecord {
  /** Bytes from the start of its direction. */
  readonly offset: number;
  readonly direction: Direction;
  readonly layer: Layer;
  /** "ConnectionInitInfo", "yamux.data", "HTTP/1 request", … */
  readonly frame: string;
  /** What it says; values that JSON can carry. */
  readonly fields: { readonly [key: string]: unknown };
  /** Bytes that belong to it, headers included; 0 for what has none of its own. */
  readonly bytes: number;
}

/** Where records go. */
export type Emit = (record: DecodedRecord) => void;

/** How much is told. */
export interface DecodeOptions {
  /** Credentials as they are; masked by default. */
  isCredentialShown: boolean;
  /** Payloads of data frames, and all bytes of raw connections, go with their records. */
  isPayloadKept: boolean;
}
