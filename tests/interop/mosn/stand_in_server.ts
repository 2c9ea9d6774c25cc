/**
 * A MOSN tunnel server as its code behaves (mosn pkg/filter/network/tunnel at 707d635b), for
 * machines without MOSN: one frame a read, credentials checked only if the agent names a policy,
 * refused connections left open, hosts named by the address that the server sees, GracefulClose
 * taken from anyone.
 */
import { HttpReadBuffer } from "./http_exchange.ts";
import type { HttpMessage } from "./http_exchange.ts";
import { encodeFrame, FLAG, MosnReadBuffer, STATUS } from "./mosn_frame.ts";
import type { MosnFrame } from "./mosn_frame.ts";

/** What the server's configuration and plug-ins say. */
export interface StandInServerOptions {
  clusters?: string[];
  /** Validators by the policy's name. */
  validators?: Record<string, (credential: string, host: string, cluster: string) => boolean>;
  /** Sent in the same write as the answer, as when a request waited for the first host. */
  firstRequest?: string;
  port?: number;
}

interface ServerHost {
  cluster: string;
  weight: number;
  conn: Deno.TcpConn;
  reader: HttpReadBuffer;
  /** Settles the request that waits for its answer. */
  answered: { resolve(message: HttpMessage): void; reject(error: Error): void } | undefined;
}

/** The server; ends with the block that made it. */
export class StandInServer implements AsyncDisposable {
  readonly hosts = new Map<string, ServerHost>();
  /** Hosts by their connection, those too that were taken out and still have an answer to give. */
  readonly #byConnection = new Map<Deno.TcpConn, ServerHost>();
  /** Frames in the order of their arrival. */
  readonly frames: MosnFrame[] = [];
  /** Connections that sent nothing so far: asides, mostly. */
  readonly silent = new Set<Deno.TcpConn>();
  readonly port: number;
  readonly #options: StandInServerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Map<Deno.TcpConn, Promise<void>>();
  readonly #accepting: Promise<void>;
  #nextHost = 0;

  constructor(options: StandInServerOptions = {}) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: options.port ?? 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Sends a request to the cluster's next host, in turn, and resolves with the answer. */
  async request(path: string, cluster = "edge-a", headers = ""): Promise<HttpMessage> {
    const hosts = [...this.hosts.values()].filter((host) => host.cluster === cluster);
    const host = hosts[this.#nextHost++ % hosts.length];
    if (host === undefined) throw new Error("no health upstream");
    return await this.send(host, `GET ${path} HTTP/1.1\r\nHost: edge\r\n${headers}\r\n`);
  }

  /** Sends any bytes to a host and resolves with the next answer from it. */
  async send(host: ServerHost, text: string): Promise<HttpMessage> {
    const answer = new Promise<HttpMessage>((resolve, reject) => {
      host.answered = { resolve, reject };
    });
    await host.conn.write(new TextEncoder().encode(text));
    return await answer;
  }

  /** Breaks every connection, as a killed process does. */
  kill(): void {
    for (const conn of this.#connections.keys()) close(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.kill();
    await Promise.all(this.#connections.values());
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      conn.setNoDelay(true);
      this.silent.add(conn);
      const serving = this.#serve(conn).finally(() => {
        this.silent.delete(conn);
        this.#connections.delete(conn);
        this.hosts.delete(addressOf(conn.remoteAddr));
        this.#byConnection.get(conn)?.answered?.reject(new Error("connection closed"));
        this.#byConnection.delete(conn);
        close(conn);
      });
      this.#connections.set(conn, serving);
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(65_536);
    const buffer = new MosnReadBuffer();
    for (;;) {
      const size = await conn.read(chunk).catch(() => null);
      if (size === null) return;
      this.silent.delete(conn);
      const host = this.#byConnection.get(conn);
      if (host !== undefined) {
        for (const message of host.reader.push(chunk.subarray(0, size))) {
          host.answered?.resolve(message);
          host.answered = undefined;
        }
        continue;
      }
      let frame: MosnFrame | undefined;
      try {
        frame = buffer.push(chunk.slice(0, size));
      } catch {
        return;
      }
      if (frame !== undefined) await this.#handle(conn, frame);
    }
  }

  async #handle(conn: Deno.TcpConn, frame: MosnFrame): Promise<void> {
    this.frames.push(frame);
    if (frame.flag === FLAG.initInfo) {
      const status = this.#statusFor(frame.payload);
      const answer = encodeFrame(FLAG.initResponse, { status });
      if (status !== STATUS.success) {
        // Refused, and left open.
        await conn.write(answer);
        return;
      }
      const first = new TextEncoder().encode(this.#options.firstRequest ?? "");
      const host: ServerHost = {
        cluster: frame.payload.cluster_name,
        weight: frame.payload.weight ?? 0,
        conn,
        reader: new HttpReadBuffer(),
        answered: undefined,
      };
      this.hosts.set(addressOf(conn.remoteAddr), host);
      this.#byConnection.set(conn, host);
      await conn.write(new Uint8Array([...answer, ...first]));
    } else if (frame.flag === FLAG.gracefulClose) {
      for (const address of frame.payload.addresses ?? []) this.hosts.delete(address);
    }
  }

  // deno-lint-ignore no-explicit-any
  #statusFor(info: any): number {
    const policy: string = info.credential_policy ?? "";
    if (policy !== "") {
      const validate = this.#options.validators?.[policy];
      if (validate === undefined) return STATUS.validatorNotFound;
      const isValid = validate(info.credential ?? "", info.host_name ?? "", info.cluster_name);
      if (!isValid) return STATUS.authFailed;
    }
    const clusters = this.#options.clusters ?? ["edge-a"];
    return clusters.includes(info.cluster_name) ? STATUS.success : STATUS.clusterNotExist;
  }
}

export function addressOf(address: Deno.Addr): string {
  const { hostname, port } = address as Deno.NetAddr;
  return `${hostname}:${port}`;
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
