/**
 * Takes uploads and drops them, in a process of its own: `POST` with a `Content-Length` is read to
 * its end and answered with 200, `GET` at once.
 *
 *     deno run -A bench/load/sink.ts PORT
 */
import { contentLength, headEnd } from "./http_text.ts";

const ANSWER = new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

for await (const conn of Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) })) {
  conn.setNoDelay(true);
  serve(conn).catch(() => {/* The client has gone. */}).finally(() => conn.close());
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(256 << 10);
  let filled = 0;
  for (;;) {
    const count = await conn.read(buffer.subarray(filled));
    if (count === null) return;
    filled += count;
    const end = headEnd(buffer.subarray(0, filled));
    if (end === -1) continue;
    let left = contentLength(buffer.subarray(0, end)) - (filled - end);
    filled = 0;
    while (left > 0) {
      const more = await conn.read(buffer);
      if (more === null) return;
      left -= more;
    }
    await conn.write(ANSWER);
  }
}
