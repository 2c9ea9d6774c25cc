/** A client that is joined with a target, from its asking for one until both are closed. */
import type { Address } from "../../address.ts";
import type { ListedStream, LiveState } from "../../live_streams.ts";
import { splice } from "../../splice.ts";
import type { Splice } from "../../splice.ts";
import { UpstreamError } from "../../upstream.ts";
import type { Upstream, UpstreamRequest } from "../../upstream.ts";
import type { ConnectionTrace, WatchedConnection } from "../traffic_watch.ts";
import type { ClientDuplex, FrontendServices } from "./frontend.ts";

/** Where it is to go, as the parts of a request for it. */
export type JoinPlace =
  & Pick<UpstreamRequest, "cluster" | "network">
  & Partial<Pick<UpstreamRequest, "target" | "destination">>;

/** Listed among its frontend's streams as long as it is there. */
export class JoinedClient implements ListedStream, WatchedConnection {
  readonly id: number;
  readonly startedMs: number;
  previous: ListedStream | undefined;
  next: ListedStream | undefined;
  readonly #client: ClientDuplex;
  readonly #place: JoinPlace;
  readonly #services: FrontendServices;
  /** When there was a stream for it; 0 while there is none. */
  foundMs = 0;
  endedMs = 0;
  status = 0;
  /** Bytes that went to the target before the two were joined. */
  firstBytes = 0;
  error: Error | undefined;
  readonly trace: ConnectionTrace | undefined;
  #hostName: string | undefined;
  #counts: Splice | undefined;

  /** @param trace begun already, where its stream is asked for before this. */
  constructor(
    client: ClientDuplex,
    place: JoinPlace,
    services: FrontendServices,
    trace: ConnectionTrace | undefined = services.watch.connectionBegun(place.network ?? "tcp"),
  ) {
    this.trace = trace;
    this.id = services.streams.ids.next();
    this.startedMs = services.runtime.nowMs();
    this.#client = client;
    this.#place = place;
    this.#services = services;
    services.streams.add(this);
  }

  get frontend(): string {
    return this.#services.frontendName;
  }

  get protocol(): "tcp" | "udp" {
    return this.#place.network ?? "tcp";
  }

  get client(): Address {
    return this.#client.remote;
  }

  get cluster(): string {
    return this.#place.cluster;
  }

  get target(): string {
    return this.#place.destination ?? this.#place.target ?? "";
  }

  get hostName(): string | undefined {
    return this.#hostName;
  }

  get state(): LiveState {
    if (this.#hostName === undefined) return "waiting";
    return this.#counts === undefined ? "sent" : "open";
  }

  get toTargetBytes(): number {
    return this.firstBytes + (this.#counts?.forwardBytes ?? 0);
  }

  get toClientBytes(): number {
    return this.#counts?.backwardBytes ?? 0;
  }

  /** It has a host. */
  found(upstream: Upstream): void {
    this.#hostName = upstream.hostName;
    this.foundMs = this.#services.runtime.nowMs();
  }

  /** Passes bytes between the client and `upstream` until both are closed; `onClose` learns why. */
  join(
    upstream: Upstream,
    idleTimeoutMs: number,
    onClose: (error: Error | undefined) => void,
  ): void {
    this.#counts = splice(this.#client, upstream.duplex, {
      timers: this.#services.runtime.timers,
      idleTimeoutMs,
      onClose: (error) => {
        upstream.release(false);
        this.ended(error);
        onClose(error);
      },
    });
  }

  /** It came to its end, or to nothing; `error` says why if that was not in order. */
  ended(error?: unknown): void {
    if (this.endedMs !== 0) return;
    const { streams, watch, runtime } = this.#services;
    streams.remove(this);
    this.endedMs = runtime.nowMs();
    if (!watch.isOn) return;
    this.error = error === undefined || error instanceof Error ? error : new Error(String(error));
    this.status = error === undefined ? 200 : error instanceof UpstreamError ? 503 : 502;
    watch.connectionEnded(this);
  }
}
