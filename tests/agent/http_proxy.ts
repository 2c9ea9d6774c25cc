/** A proxy for HTTP by Node's own server: nothing of it is ours. */
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Address } from "../../lib/address.ts";
import { until } from "./support.ts";

/** Leads every name to 127.0.0.1: "server.invalid" is known to nobody else. */
export class HttpProxy implements AsyncDisposable {
  /** Host and port of each CONNECT. */
  readonly asked: string[] = [];
  /** What is wanted as Proxy-Authorization; nothing if undefined. */
  authorization: string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((_request, response) => response.writeHead(501).end());

  static async start(authorization?: string): Promise<HttpProxy> {
    const proxy = new HttpProxy();
    proxy.authorization = authorization;
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  private constructor() {
    this.#server.on("connect", (request: IncomingMessage, client: Socket, head: Uint8Array) => {
      this.#track(client);
      this.asked.push(request.url!);
      const { authorization } = this;
      if (authorization !== undefined && request.headers["proxy-authorization"] !== authorization) {
        client.end(
          "HTTP/1.1 407 Proxy Authentication Required\r\n" +
            'Proxy-Authenticate: Basic realm="out"\r\nContent-Length: 0\r\n\r\n',
        );
        return;
      }
      const port = Number(request.url!.split(":").at(-1));
      const far = connect({ host: "127.0.0.1", port }, () => {
        client.write("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n");
        far.write(head);
        client.pipe(far);
        far.pipe(client);
      });
      this.#track(far);
      far.on("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"));
      far.on("close", () => client.end());
      client.on("close", () => far.destroy());
    });
  }

  get address(): Address & { kind: "tcp" } {
    return { kind: "tcp", host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  get text(): string {
    return `127.0.0.1:${this.address.port}`;
  }

  /** Ends all that goes through it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
    await until("sockets to be gone", () => this.#sockets.size === 0);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
