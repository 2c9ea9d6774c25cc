/** What one format of captures is to the decoder, and what comes of it. */
import type { DecodeError } from "../errors.ts";
import type { DecodedRecord, DecodeOptions } from "./record.ts";

/** What a capture may be. */
export const INPUT_FORMATS = ["auto", "raw", "hex", "pcap", "pcapng"] as const;
export type InputFormat = typeof INPUT_FORMATS[number];

/** A record with the connection it belongs to, where a capture has several. */
export interface CaptureRecord extends DecodedRecord {
  /** 1 for the first connection of a capture file; undefined for raw bytes. */
  readonly connection?: number;
  /** Seconds since 1970 of the packet that completed it; undefined where nothing says. */
  readonly timeSeconds?: number;
}

/** What happens while decoding. */
export interface CaptureEvents {
  record(record: CaptureRecord): void;
  /** Something does not parse; what belongs to it is left out from here on. */
  error(error: DecodeError, connection: number | undefined): void;
}

/** What is asked for. */
export interface CaptureOptions extends DecodeOptions {
  input: InputFormat;
  /** Only TCP connections with this port at either end. */
  port?: number;
}

/** Reads one format. */
export interface CaptureInput {
  push(bytes: Uint8Array): void;
  end(): void;
}
