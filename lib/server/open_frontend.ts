/** A frontend that is open: its listener, and the clients that came in by it. */
import type { Address } from "../address.ts";
import { ByteBucket } from "../byte_bucket.ts";
import { LinkedList } from "../linked_list.ts";
import type { Linked } from "../linked_list.ts";
import type { LiveStreams } from "../live_streams.ts";
import type { Runtime } from "../runtime.ts";
import type { Listener } from "../transport/listen.ts";
import { ThrottledDuplex } from "../throttled_duplex.ts";
import type { ServerConfig } from "./config.ts";
import type { AcceptedClient, ClientDuplex, Frontend } from "./frontends/frontend.ts";
import type { ListenSpec } from "./listen_spec.ts";

/** A listener that may pass from one frontend to the next without being closed in between. */
export interface Port {
  /** Undefined while it is being opened. */
  listener: Listener | undefined;
  /** Who gets the clients. */
  owner: OpenFrontend;
}

/** One frontend from its opening until its last client has left. */
export class OpenFrontend {
  readonly spec: ListenSpec;
  /** Who wanted it: "settings", or an agent. */
  readonly origin: string;
  /** What its clients have under way. */
  readonly streams: LiveStreams;
  readonly #frontend: Frontend;
  #bucket: ByteBucket | undefined;
  readonly #runtime: Runtime;
  readonly #clients = new LinkedList<Seat>();
  readonly #onIdle: (() => void)[] = [];
  /** Undefined once another one has its listener. */
  port: Port | undefined;

  constructor(
    init: Pick<OpenFrontend, "spec" | "origin" | "streams"> & { readonly runtime: Runtime },
    frontend: Frontend,
  ) {
    this.spec = init.spec;
    this.origin = init.origin;
    this.streams = init.streams;
    this.#runtime = init.runtime;
    this.#frontend = frontend;
  }

  /** Bounds what all its clients together may pass in a second; 0 for no bound. */
  limit(bytesPerSecond: number): void {
    this.#bucket?.setRate(bytesPerSecond);
    if (bytesPerSecond === 0) {
      // Those that come pay nothing; those that are there drink from a bucket without a bottom.
      this.#bucket = undefined;
    } else if (this.#bucket === undefined) {
      const { timers } = this.#runtime;
      this.#bucket = new ByteBucket(bytesPerSecond, timers, () => this.#runtime.nowMs());
    }
  }

  /** Where clients come in, with the actual port. */
  get address(): Address {
    return this.port?.listener?.address ?? this.spec.address;
  }

  /** Clients connected now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Takes a client in; `seat` is to be given back when it is closed. */
  seat(client: AcceptedClient): Seat {
    const seat = new Seat(client);
    this.#clients.append(seat);
    return seat;
  }

  serve(client: AcceptedClient): void {
    this.#frontend.serve(this.#bucket === undefined ? client : throttled(client, this.#bucket));
  }

  /** Goes by other settings from now on. */
  configure(config: ServerConfig): void {
    this.limit(config.frontendBytesPerSecond);
    this.#frontend.configure?.(config);
  }

  /** A client that it took in is closed. */
  leave(seat: Seat): void {
    this.#clients.remove(seat);
    if (this.#clients.size > 0) return;
    for (const run of this.#onIdle.splice(0)) run();
  }

  /** Resolves when nobody can come in any more. */
  async stopListening(): Promise<void> {
    await this.port?.listener?.close();
  }

  /** Lets what is under way end; resolves when no client is left. */
  drain(): Promise<void> {
    this.#frontend.drain();
    if (this.#clients.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Closes every client. */
  close(): void {
    this.#frontend.close();
    for (const { client } of [...this.#clients]) client.close();
  }
}

/** A client's place in the list of those that are there. */
export class Seat implements Linked<Seat> {
  readonly client: AcceptedClient;
  previous: Seat | undefined;
  next: Seat | undefined;

  constructor(client: AcceptedClient) {
    this.client = client;
  }
}

function throttled(client: AcceptedClient, bucket: ByteBucket): ClientDuplex {
  const { local, remote, tls } = client;
  return Object.assign(new ThrottledDuplex(client, bucket), { local, remote, tls });
}
