/** A service whose every byte is known, and which remembers what it was asked. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Buffer } from "node:buffer";

/** Bytes that only this request's answer has. */
export function bytesFor(id: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 2166136261;
  for (let at = 0; at < id.length; at++) state = Math.imul(state ^ id.charCodeAt(at), 16777619);
  for (let at = 0; at < size; at++) {
    state = Math.imul(state ^ at, 16777619);
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** POSTs that are remembered: minutes of them, while no request lives for one. */
const MAX_POSTS = 4000;

/** The service; ends with the block that made it. */
export class EchoBackend implements AsyncDisposable {
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #posts = new Set<string>();
  readonly #repeated: string[] = [];

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** POSTs that came more than once. */
  get repeated(): readonly string[] {
    return this.#repeated;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [id = "", size = "0"] = (request.url ?? "").slice(1).split("/");
    try {
      if (request.method === "GET") {
        response.writeHead(200, { "x-id": id, "content-length": size });
        response.end(Buffer.from(bytesFor(id, Number(size)).buffer as ArrayBuffer));
        return;
      }
      if (this.#posts.has(id)) this.#repeated.push(id);
      this.#posts.add(id);
      if (this.#posts.size > MAX_POSTS) this.#posts.delete(this.#posts.values().next().value!);
      const parts: Uint8Array[] = [];
      for await (const part of request) parts.push(part);
      response.writeHead(200, { "x-id": id });
      response.end(Buffer.concat(parts));
    } catch {
      // The tunnel broke within the request: its client is told by others.
      response.destroy();
    }
  }
}
