/** Bytes of a head as text, one character a byte: HTTP/1 heads have no other encoding. */

const MAX_PIECE = 4096;

/** Reads `bytes` from `start` up to `end` as Latin-1. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= MAX_PIECE) {
    let text = "";
    // For the short texts of a head, this beats a call over a subarray.
    if (end - start <= 32) {
      for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
      return text;
    }
    return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
  }
  let text = "";
  for (let i = start; i < end; i += MAX_PIECE) {
    text += latin1(bytes, i, Math.min(i + MAX_PIECE, end));
  }
  return text;
}

/** True if the bytes from `start` up to `end` are `lower` (a lower-case text), in any case. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: string,
): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (lowerCase(bytes[start + i]!) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** The byte, or its small letter if it is a capital one. */
export function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
