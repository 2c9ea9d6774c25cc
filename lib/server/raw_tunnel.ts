/** A tunnel connection without a session (either end is MOSN): one exchange or client at a time. */
import type { SharedBuffer } from "../buffer.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { ClosedError } from "../errors.ts";
import { ForwardingDuplex } from "../forwarding_duplex.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import type { Host, HostConnection } from "./host.ts";
import type { TunnelEvents } from "./mux_tunnel.ts";

/** The connection itself is the stream to the agent's default target. */
export class RawTunnel implements HostConnection, Sink {
  readonly mode = "raw";
  readonly rttMs = 0;
  readonly isInDoubt = false;
  readonly id: number;
  readonly remoteAddress: string;
  readonly #duplex: Duplex;
  readonly #host: Host;
  readonly #events: TunnelEvents;
  readonly #onClose: (error?: Error) => void;
  #user: RawUpstream | undefined;
  #isRetiring = false;
  #isReady: boolean;
  #served = 0;
  receivedBytes = 0;
  sentBytes = 0;

  constructor(init: {
    id: number;
    remoteAddress: string;
    duplex: Duplex;
    host: Host;
    events: TunnelEvents;
    /** False while the agent could not bear a request yet; {@link RawTunnel.ready} ends that. */
    isReady: boolean;
    onClose: (error?: Error) => void;
  }) {
    this.#isReady = init.isReady;
    this.id = init.id;
    this.remoteAddress = init.remoteAddress;
    this.#duplex = init.duplex;
    this.#host = init.host;
    this.#events = init.events;
    this.#onClose = init.onClose;
    init.duplex.attach(this);
  }

  get inFlight(): number {
    return this.#user === undefined ? 0 : 1;
  }

  get isAvailable(): boolean {
    return this.#isReady && this.#user === undefined && !this.#isRetiring &&
      !this.#duplex.isClosed;
  }

  /** The agent has had time to read the handshake's answer by itself. */
  ready(): void {
    if (this.#isReady || this.#duplex.isClosed) return;
    this.#isReady = true;
    this.#events.freed(this.#host);
  }

  /** What serves it at the far end is one thing, whatever it is called here. */
  serves(target: string): boolean {
    return target === "";
  }

  open(request: UpstreamRequest): Upstream {
    const user = new RawUpstream(this.#duplex, this);
    this.#user = user;
    this.#served += 1;
    this.#host.requests += 1;
    return {
      duplex: user,
      cluster: this.#host.cluster,
      hostId: this.#host.id,
      hostName: this.#host.hostName,
      hostHeader: this.#host.targets[""]?.hostHeader,
      isReused: this.#served > 1,
      rttMs: this.rttMs,
      release: (isReusable) => {
        if (this.#user !== user) return;
        this.#user = undefined;
        if (!isReusable || request.protocol !== "http" || this.#isRetiring) {
          this.#duplex.close();
          return;
        }
        this.#duplex.resume();
        this.#events.freed(this.#host);
      },
    };
  }

  // There is no way to ask: the agent dials again when it is closed.
  askReplacement(): void {}

  goAway(): void {
    // There is no way to say it: it is closed as soon as it is at rest.
    this.#isRetiring = true;
    if (this.#user === undefined) this.#duplex.close();
  }

  /** There is no way to ask on it: the deadline of its next exchange finds it dead. */
  doubt(): void {}

  /** The connection itself is what rests; a MOSN agent that drains closes it by itself. */
  closeIdle(): void {}

  close(error?: Error): void {
    this.#duplex.close(error);
  }

  onData(bytes: Uint8Array, buffer: SharedBuffer): void {
    this.receivedBytes += bytes.length;
    if (this.#user === undefined) {
      this.#duplex.close(new ClosedError("peer", "The agent sent bytes that nobody asked for"));
      return;
    }
    this.#user.onData(bytes, buffer);
  }

  onEnd(): void {
    if (this.#user === undefined) this.#duplex.close();
    else this.#user.onEnd();
  }

  onDrain(): void {
    this.#user?.onDrain();
  }

  onClose(error?: Error): void {
    const user = this.#user;
    this.#user = undefined;
    this.#onClose(error);
    user?.onClose(error);
  }
}

/** The connection as its present user sees it: what arrives comes by way of the tunnel. */
class RawUpstream extends ForwardingDuplex {
  readonly #tunnel: RawTunnel;

  constructor(duplex: Duplex, tunnel: RawTunnel) {
    super(duplex);
    this.#tunnel = tunnel;
  }

  override attach(sink: Sink): void {
    this.sink = sink;
  }

  override write(bytes: Uint8Array, buffer?: SharedBuffer): boolean {
    this.#tunnel.sentBytes += bytes.length;
    return this.inner.write(bytes, buffer);
  }
}
