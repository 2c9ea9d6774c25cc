/** The page that an agent answers with for want of a default target. */
import type { BufferPool } from "../buffer.ts";
import { requestFraming } from "../codec/http1/framing.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { memoryPair } from "../memory_duplex.ts";
import { MessageFollower } from "./message_follower.ts";

/** Gives what the page says now. */
export type PageText = () => string;

/** Makes a connection to a small HTTP/1 server that answers every request with `text`. */
export function openPage(pool: BufferPool, text: PageText): Duplex {
  const [client, server] = memoryPair(["own page", "agent"]);
  server.attach(new PageServer(server, pool, text));
  return client;
}

class PageServer implements Sink {
  readonly #duplex: Duplex;
  readonly #text: PageText;
  readonly #requests: MessageFollower<RequestHead>;
  #isLast = false;

  constructor(duplex: Duplex, pool: BufferPool, text: PageText) {
    this.#duplex = duplex;
    this.#text = text;
    const head = new RequestHead();
    this.#requests = new MessageFollower(head, pool, () => {
      this.#requests.body.start(requestFraming(head), head.contentLength);
    }, () => this.#answer("200 OK", this.#text(), head.method === "HEAD", head.isKeepAlive));
  }

  onData(bytes: Uint8Array): void {
    if (this.#isLast) return;
    try {
      this.#requests.follow(bytes);
    } catch (error) {
      this.#answer("400 Bad Request", `${(error as Error).message}\n`, false, false);
    }
  }

  onEnd(): void {
    this.#duplex.end();
  }

  onDrain(): void {
    this.#duplex.resume();
  }

  onClose(): void {
    this.#requests.clear();
  }

  #answer(status: string, text: string, isHead: boolean, isKept: boolean): void {
    const utf8 = new TextEncoder();
    const body = utf8.encode(text);
    this.#duplex.write(utf8.encode(
      `HTTP/1.1 ${status}\r\n` +
        "Content-Type: text/plain; charset=utf-8\r\n" +
        "Cache-Control: no-store\r\n" +
        `Content-Length: ${body.length}\r\n` +
        (isKept ? "\r\n" : "Connection: close\r\n\r\n"),
    ));
    // Requests are short and answers long: who does not read them may send no more.
    if (!isHead && !this.#duplex.write(body)) this.#duplex.pause();
    if (isKept) return;
    this.#isLast = true;
    this.#duplex.end();
  }
}
