/** Who speaks by datagrams, as a client or a target. */
import { until } from "../agent/support.ts";

/** A UDP socket on loopback; what comes is answered by `reply`, if there is one. */
export class UdpPeer implements AsyncDisposable {
  readonly socket: Deno.DatagramConn = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: 0,
  });
  readonly received: string[] = [];
  /** Ports that datagrams came from. */
  readonly ports = new Set<number>();
  readonly #receiving: Promise<void>;
  #isClosed = false;

  constructor(reply?: (text: string) => string) {
    this.#receiving = this.#receive(reply);
  }

  get port(): number {
    return (this.socket.addr as Deno.NetAddr).port;
  }

  async send(data: string | Uint8Array, to: string): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const [hostname = "", port] = to.split(":");
    await this.socket.send(bytes, { transport: "udp", hostname, port: Number(port) });
  }

  async got(count: number): Promise<string[]> {
    await until(`${count} datagrams`, () => this.received.length >= count);
    return this.received;
  }

  async #receive(reply: ((text: string) => string) | undefined): Promise<void> {
    const buffer = new Uint8Array(65_535);
    while (!this.#isClosed) {
      try {
        const [bytes, from] = await this.socket.receive(buffer);
        const text = new TextDecoder("latin1").decode(bytes);
        this.received.push(text);
        this.ports.add((from as Deno.NetAddr).port);
        if (reply !== undefined) {
          await this.socket.send(new TextEncoder().encode(reply(text)), from);
        }
      } catch {
        return;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.socket.close();
    await this.#receiving;
  }
}
