/** Clients that each ask for something of their own and look whether that is what they get. */
import type { Endpoint } from "../wait_for_answer.ts";
import { contentLength, headEnd, writeAll } from "./http_text.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Asks for `seconds` with `connections` clients; resolves with how many answers, how many wrong. */
export async function runChecked(
  endpoint: Endpoint,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<{ answers: number; wrong: number }> {
  const endMs = performance.now() + seconds * 1000;
  let answers = 0;
  let wrong = 0;
  await Promise.all(Array.from({ length: connections }, async (_, client) => {
    using conn = await Deno.connect(endpoint);
    conn.setNoDelay(true);
    const buffer = new Uint8Array(4096);
    for (let index = 0; performance.now() < endMs; index++) {
      const id = `client-${client}-request-${index}`;
      await writeAll(conn, encoder.encode(`GET /echo?${id} HTTP/1.1\r\nHost: bench\r\n\r\n`));
      let filled = 0;
      let end = -1;
      while (end === -1 || filled < end + contentLength(buffer.subarray(0, end))) {
        const count = await conn.read(buffer.subarray(filled));
        if (count === null) throw new Error(`The connection of client ${client} ended`);
        filled += count;
        end = headEnd(buffer.subarray(0, filled));
      }
      answers += 1;
      if (decoder.decode(buffer.subarray(end, filled)) !== `${id}\n`) wrong += 1;
    }
  }));
  return { answers, wrong };
}
