/** Connections that asked once and then rest, or that asked for much and never read. */
import type { Endpoint } from "../wait_for_answer.ts";
import { writeAll } from "./http_text.ts";

const encoder = new TextEncoder();
/** Opened at once, so that no backlog overflows. */
const BATCH = 50;

/** Held connections. */
export class HeldConnections implements Disposable {
  readonly #connections: Deno.TcpConn[] = [];

  /** Opens `count` connections that have each had one answer. */
  async openIdle(endpoint: Endpoint, count: number): Promise<void> {
    for (let left = count; left > 0; left -= BATCH) {
      await Promise.all(Array.from({ length: Math.min(left, BATCH) }, async () => {
        const conn = await this.#open(endpoint, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
        if (await conn.read(new Uint8Array(1024)) === null) {
          throw new Error("A connection that was to be idle was closed");
        }
      }));
    }
  }

  /** Opens a connection that asks for a large file and reads nothing. */
  async openStalled(endpoint: Endpoint, mb: number): Promise<void> {
    await this.#open(endpoint, `GET /${mb}m HTTP/1.1\r\nHost: bench\r\n\r\n`);
  }

  [Symbol.dispose](): void {
    for (const conn of this.#connections.splice(0)) conn.close();
  }

  async #open(endpoint: Endpoint, request: string): Promise<Deno.TcpConn> {
    const conn = await Deno.connect(endpoint);
    this.#connections.push(conn);
    await writeAll(conn, encoder.encode(request));
    return conn;
  }
}
