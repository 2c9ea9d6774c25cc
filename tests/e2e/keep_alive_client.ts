/** Clients that send one request after the other and count what they get: nothing may be lost. */

/** What a client got. */
export interface Tally {
  answered: number;
  /** Connections that ended in the middle of a request, or could not be made. */
  failed: string[];
  /** Times that an answer said `Connection: close`. */
  closed: number;
}

/** Asks `GET /` over kept connections until `signal`, as `count` clients side by side. */
export async function keepAsking(
  port: number,
  count: number,
  signal: AbortSignal,
): Promise<Tally> {
  const tally: Tally = { answered: 0, failed: [], closed: 0 };
  await Promise.all(Array.from({ length: count }, () => askOn(port, tally, signal)));
  return tally;
}

async function askOn(port: number, tally: Tally, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      while (!signal.aborted) {
        const head = await exchange(conn);
        tally.answered += 1;
        if (!/^HTTP\/1\.1 200 /.test(head)) tally.failed.push(head.split("\r\n", 1)[0]!);
        if (!/^connection: close$/im.test(head)) continue;
        tally.closed += 1;
        break;
      }
    } catch (error) {
      tally.failed.push(String(error));
    }
  }
}

/** The same, over a new connection for each request. */
export async function keepConnecting(
  port: number,
  count: number,
  signal: AbortSignal,
): Promise<Pick<Tally, "answered" | "failed">> {
  const tally: Tally = { answered: 0, failed: [], closed: 0 };
  await Promise.all(Array.from({ length: count }, async () => {
    while (!signal.aborted) {
      try {
        using conn = await Deno.connect({ hostname: "127.0.0.1", port });
        const head = await exchange(conn);
        if (/^HTTP\/1\.1 200 /.test(head)) tally.answered += 1;
        else tally.failed.push(head.split("\r\n", 1)[0]!);
      } catch (error) {
        tally.failed.push(String(error));
      }
    }
  }));
  return tally;
}

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n");

/** Sends a request and reads its answer; gives the head. @throws {Error} cut off. */
async function exchange(conn: Deno.Conn): Promise<string> {
  await conn.write(REQUEST);
  const buffer = new Uint8Array(16_384);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error(`The connection ended after ${text.length} bytes`);
    text += new TextDecoder().decode(buffer.subarray(0, count));
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const length = Number(/^content-length: (\d+)$/im.exec(text.slice(0, end + 2))?.[1]);
    if (text.length >= end + 4 + length) return text.slice(0, end + 2);
  }
}
