/** Streams of HTTP/2 that were cut off, and why: RFC 9113 section 7. */
import { ClosedError } from "../../errors.ts";

/** Error codes that we look at or give. */
export const H2_CODE = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  refusedStream: 0x7,
  cancel: 0x8,
  enhanceYourCalm: 0xb,
} as const;

/** One side cut a stream off by RST_STREAM. */
export class H2ResetError extends ClosedError {
  override name = "H2ResetError";
  /** As it came, to be passed on. */
  readonly code: number;

  constructor(code: number, detail: string) {
    super("peer", detail);
    this.code = code;
  }
}

/** The code that tells the other hop of `error`. */
export function codeOf(error: Error | undefined): number {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof H2ResetError) return cause.code;
  }
  return error === undefined ? H2_CODE.cancel : H2_CODE.internalError;
}
