/**
 * The errors that revtun throws on purpose, each with the field its catcher needs.
 *
 * Misuse by our own code is a built-in `TypeError` or `RangeError`; these classes are for what a
 * peer, a user or the network did.
 */

/** The ancestor of every error that revtun throws on purpose. */
export class RevtunError extends Error {
  override name = "RevtunError";
}

/** What can be wrong with bytes that a peer or a file gave us. */
export type DecodeReason =
  | "magic"
  | "version"
  | "flag"
  | "type"
  | "length"
  | "payload"
  | "syntax"
  | "limit"
  | "truncated";

/** Where and why some bytes could not be decoded. */
export interface DecodeErrorInit {
  /** The format that was expected, as a user knows it: "MOSN frame", "yamux header", "pcap". */
  format: string;
  reason: DecodeReason;
  /** Bytes from the start of what was being decoded to the first one that is wrong. */
  offset: number;
  /** What stands there and what was expected: "magic is 0x2089, expected 0x2088". */
  detail: string;
}

/** Bytes that are not what they had to be: the sender is at fault, log it and close. */
export class DecodeError extends RevtunError {
  override name = "DecodeError";
  readonly format: string;
  readonly reason: DecodeReason;
  readonly offset: number;
  readonly detail: string;

  constructor(init: DecodeErrorInit, options?: ErrorOptions) {
    super(`Cannot decode ${init.format} at byte ${init.offset}: ${init.detail}`, options);
    this.format = init.format;
    this.reason = init.reason;
    this.offset = init.offset;
    this.detail = init.detail;
  }
}

/** The far end answered the handshake with a refusal. */
export class HandshakeError extends RevtunError {
  override name = "HandshakeError";
  /** MOSN's connection status, see lib/codec/message.ts; 0 is an unknown failure. */
  readonly status: number;
  /** False when trying again with the same credentials cannot help. */
  readonly isRetriable: boolean;
  /** How long the server asks us to wait before the next try, in ms; 0 when it does not say. */
  readonly retryAfterMs: number;
  /** The server says that it will never be otherwise; false where it does not say. */
  readonly isFinal: boolean;

  constructor(
    message: string,
    status: number,
    isRetriable: boolean,
    options: ErrorOptions & { retryAfterMs?: number; isFinal?: boolean } = {},
  ) {
    super(message, options);
    this.status = status;
    this.isRetriable = isRetriable;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.isFinal = options.isFinal ?? false;
  }
}

/** Why a dial failed, in words that fit a stream's answer (docs/protocol.md, "Stream answer"). */
export type DialFailure =
  | "refused"
  | "unreachable"
  | "timeout"
  | "notAllowed"
  | "noTarget"
  | "busy"
  | "failed";

/** A connection could not be made. */
export class DialError extends RevtunError {
  override name = "DialError";
  readonly address: string;
  readonly failure: DialFailure;
  /** The message without the address. */
  readonly detail: string;

  constructor(address: string, failure: DialFailure, detail: string, options?: ErrorOptions) {
    super(`Cannot connect to ${address}: ${detail}`, options);
    this.address = address;
    this.failure = failure;
    this.detail = detail;
  }
}

/** An address cannot be listened on. */
export class ListenError extends RevtunError {
  override name = "ListenError";
  readonly address: string;

  constructor(address: string, detail: string, options?: ErrorOptions) {
    super(`Cannot listen on ${address}: ${detail}`, options);
    this.address = address;
  }
}

/** A setting that cannot be used: exit code 2. */
export class ConfigError extends RevtunError {
  override name = "ConfigError";
  /** The setting as its user wrote it: "--listen", "agent.servers[0].address". */
  readonly path: string;

  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`${path}: ${detail}`, options);
    this.path = path;
  }
}

/** A connection, session or stream that ended before its work was done. */
export class ClosedError extends RevtunError {
  override name = "ClosedError";
  readonly by: "peer" | "us";

  constructor(by: "peer" | "us", detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.by = by;
  }
}

/** A peer did what its protocol forbids: the connection is closed by us, the fault is the peer's. */
export class ProtocolError extends ClosedError {
  override name = "ProtocolError";

  constructor(detail: string, options?: ErrorOptions) {
    super("us", detail, options);
  }
}

/** A stream whose whole session ended: how far its bytes came is not known. */
export class SessionLostError extends ClosedError {
  override name = "SessionLostError";
}

/** A wait that passed its deadline. */
export class DeadlineError extends RevtunError {
  override name = "DeadlineError";
}
