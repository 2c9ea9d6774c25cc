/** A plain HTTP/1.1 client on a socket, and a backend: nothing between a test and the bytes. */
import { Buffer } from "node:buffer";

const HEAD_END = new Uint8Array([13, 10, 13, 10]);

/** One keep-alive connection; one request at a time. */
export class HttpClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(64 << 10);
  #start = 0;
  #end = 0;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<HttpClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new HttpClient(conn);
  }

  /** Sends a request; its answer is read by `read()`. */
  async send(path: string, method = "GET"): Promise<void> {
    const bytes = new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\nHost: edge-a\r\n\r\n`);
    await this.#conn.write(bytes);
  }

  /**
   * Reads an answer with Content-Length; `onBody` gets its body in pieces.
   *
   * @throws {Error} the connection ended within it.
   */
  async read(onBody: (piece: Uint8Array, at: number) => void): Promise<{ status: number }> {
    let headEnd: number;
    for (;;) {
      const view = Buffer.from(this.#buffer.buffer, this.#start, this.#end - this.#start);
      headEnd = view.indexOf(HEAD_END);
      if (headEnd !== -1) break;
      await this.#fill();
    }
    const head = new TextDecoder().decode(
      this.#buffer.subarray(this.#start, this.#start + headEnd),
    );
    this.#start += headEnd + HEAD_END.length;
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1]);
    for (let at = 0; at < length;) {
      if (this.#start === this.#end) await this.#fill();
      const size = Math.min(length - at, this.#end - this.#start);
      onBody(this.#buffer.subarray(this.#start, this.#start + size), at);
      this.#start += size;
      at += size;
    }
    return { status: Number(head.slice(9, 12)) };
  }

  /** Asks for a small text. */
  async text(path: string): Promise<{ status: number; text: string }> {
    await this.send(path);
    let text = "";
    const { status } = await this.read((piece) => text += new TextDecoder().decode(piece));
    return { status, text };
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // The far side closed it.
    }
  }

  async #fill(): Promise<void> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    const count = await this.#conn.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("The connection ended within an answer");
    this.#end += count;
  }
}
