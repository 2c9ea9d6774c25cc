/** Bytes in bulk, one way, over one or several connections. */
import type { Endpoint } from "../wait_for_answer.ts";
import { contentLength, headEnd, statusOf, writeAll } from "./http_text.ts";

/** What to move. */
export interface BulkOptions {
  readonly direction: "down" | "up";
  readonly streams: number;
  /** Size of one transfer, MB of 2^20 bytes; the backend has a file of it. */
  readonly mb: number;
  /** Transfers are repeated on their connections until this long has passed. */
  readonly minMs: number;
}

const encoder = new TextEncoder();

/**
 * Moves bytes; resolves with how many and how long it took, from the first request's sending to the
 * last transfer's end.
 *
 * @throws {Error} a connection failed or an answer was not 200.
 */
export async function moveBulk(
  endpoint: Endpoint,
  options: BulkOptions,
): Promise<{ bytes: number; seconds: number }> {
  const connections: Deno.TcpConn[] = [];
  try {
    for (let count = 0; count < options.streams; count++) {
      const conn = await Deno.connect(endpoint);
      conn.setNoDelay(true);
      connections.push(conn);
    }
    const startMs = performance.now();
    let transfers = 0;
    await Promise.all(connections.map(async (conn) => {
      do {
        await (options.direction === "down"
          ? download(conn, options.mb)
          : upload(conn, options.mb));
        transfers += 1;
      } while (performance.now() - startMs < options.minMs);
    }));
    const seconds = (performance.now() - startMs) / 1000;
    return { bytes: transfers * options.mb * (1 << 20), seconds };
  } finally {
    for (const conn of connections) conn.close();
  }
}

async function download(conn: Deno.TcpConn, mb: number): Promise<void> {
  await writeAll(conn, encoder.encode(`GET /${mb}m HTTP/1.1\r\nHost: bench\r\n\r\n`));
  await readAnswer(conn);
}

async function upload(conn: Deno.TcpConn, mb: number): Promise<void> {
  const head = `POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: ${mb << 20}\r\n\r\n`;
  await writeAll(conn, encoder.encode(head));
  const block = new Uint8Array(256 << 10).fill(97);
  for (let sent = 0; sent < mb << 20; sent += block.length) await writeAll(conn, block);
  await readAnswer(conn);
}

async function readAnswer(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(256 << 10);
  let filled = 0;
  let end = -1;
  while (end === -1) {
    const count = await conn.read(buffer.subarray(filled));
    if (count === null) throw new Error("The connection ended before its answer");
    filled += count;
    end = headEnd(buffer.subarray(0, filled));
  }
  const status = statusOf(buffer);
  if (status !== 200) throw new Error(`The answer was ${status}, not 200`);
  let left = contentLength(buffer.subarray(0, end)) - (filled - end);
  while (left > 0) {
    const count = await conn.read(buffer);
    if (count === null) {
      throw new Error(`The connection ended ${left} bytes before its answer's end`);
    }
    left -= count;
  }
}
