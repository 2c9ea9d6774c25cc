/** What each scheme of `--listen` is to the server: one file beside this one makes it. */
import type { Address } from "../../address.ts";
import type { Duplex } from "../../duplex.ts";
import type { LiveStreams } from "../../live_streams.ts";
import type { Runtime } from "../../runtime.ts";
import type { CertificateSource } from "../../transport/certificate_store.ts";
import type { TlsFacts } from "../../transport/connection.ts";
import type { Listener } from "../../transport/listen.ts";
import type { PortSharing } from "../../transport/port_sharing.ts";
import type { Upstreams } from "../../upstream.ts";
import type { ServerConfig } from "../config.ts";
import type { HttpRouting } from "../http_routing.ts";
import type { ListenSpec } from "../listen_spec.ts";
import type { Limits } from "../limits.ts";
import type { ServerStats } from "../stats.ts";
import type { TrafficWatch } from "../traffic_watch.ts";

/** A client's connection, with the two ends of it as they are to be believed. */
export interface ClientDuplex extends Duplex {
  readonly local: Address;
  readonly remote: Address;
  /** What TLS agreed on; undefined in the clear. */
  readonly tls?: TlsFacts | undefined;
}

/** A client as its listener gives it. */
export interface AcceptedClient extends ClientDuplex {
  /** For who keeps count of connections: called once, when this one is closed. */
  onClosed: (() => void) | undefined;
}

/** Speaks one scheme with the clients of one listener. Owns neither the listener nor the clients. */
export interface Frontend {
  /** Serves a client until it or its target ends; must not throw. */
  serve(client: ClientDuplex): void;
  /** Goes by other settings from now on; absent where it looks at `services.config` as it works. */
  configure?(config: ServerConfig): void;
  /** Lets what is under way end, and clients that rest between two works go. */
  drain(): void;
  /** Gives up what it holds beside its clients; they are closed by who accepted them. */
  close(): void;
}

/** What frontends work with. */
export interface FrontendServices {
  /** As it is now: another one after each reload. */
  readonly config: ServerConfig;
  readonly upstreams: Upstreams;
  readonly routing: HttpRouting;
  readonly runtime: Runtime;
  readonly stats: ServerStats;
  /** Certificates of frontends that speak TLS; undefined if the server has none for them. */
  readonly certificates: CertificateSource | undefined;
  readonly limits: Limits;
  /** Who wants to know what passes. */
  readonly watch: TrafficWatch;
  /** What its clients have under way: of one frontend alone. */
  readonly streams: LiveStreams;
  /** The frontend as its listener was set. */
  readonly frontendName: string;
}

/** What all frontends of a server have in common. */
export type CommonServices = Omit<FrontendServices, "streams" | "frontendName">;

/** How to listen for clients. */
export interface FrontendListenOptions {
  onConnection(client: AcceptedClient): void;
  readonly sharing: PortSharing;
  /** Clients that may still come, those in their handshake among them. */
  room(): number;
}

/** One scheme. */
export interface FrontendKind {
  /** True where every client needs a cluster from the frontend, since it cannot name one. */
  readonly needsCluster: boolean;
  /** Keys that it knows behind `?`. */
  readonly options: readonly string[];
  /** Looks at what the grammar leaves open. @throws {RangeError} fit to be shown behind `--listen`. */
  check?(spec: ListenSpec): void;
  /** Clients of `spec` come in by a stream socket in the clear, whatever `listen` does. */
  listensPlain?(spec: ListenSpec): boolean;
  /** How its clients come in; a stream socket in the clear unless given. @throws {ListenError} */
  listen?(
    address: Address,
    runtime: Runtime,
    options: FrontendListenOptions,
    services: CommonServices,
  ): Listener | Promise<Listener>;
  make(spec: ListenSpec, services: FrontendServices): Frontend;
}
