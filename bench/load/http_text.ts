/** As much of HTTP/1.1 as the load clients need against servers that behave. */

const decoder = new TextDecoder();

/** Index behind the empty line that ends a head, or -1. */
export function headEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at !== -1; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

/** What `Content-Length` says, 0 without one. */
export function contentLength(head: Uint8Array): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(decoder.decode(head))?.[1] ?? 0);
}

/** Status of an answer. */
export function statusOf(head: Uint8Array): number {
  return Number(decoder.decode(head.subarray(9, 12)));
}

/** Writes all of `bytes`. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}
