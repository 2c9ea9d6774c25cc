/** Decodes a capture in a test. */
import { CaptureDecoder } from "../../lib/decode/capture_decoder.ts";
import type { CaptureOptions, CaptureRecord } from "../../lib/decode/capture_input.ts";
import type { DecodeError } from "../../lib/errors.ts";

/** What a capture gave. */
export interface Decoded {
  records: CaptureRecord[];
  errors: DecodeError[];
  format: string;
}

/** Decodes a capture that comes in pieces; credentials are masked unless `options` says otherwise. */
export function decode(
  pieces: readonly Uint8Array[],
  options: Partial<CaptureOptions> = {},
): Decoded {
  const records: CaptureRecord[] = [];
  const errors: DecodeError[] = [];
  const decoder = new CaptureDecoder({
    input: "auto",
    isCredentialShown: false,
    isPayloadKept: false,
    ...options,
  }, {
    record: (record) => records.push(record),
    error: (error) => errors.push(error),
  });
  for (const piece of pieces) decoder.push(piece.slice());
  decoder.end();
  return { records, errors, format: decoder.format };
}
