/**
 * What a frontend asks for and gets: a byte stream to a target behind one of a cluster's hosts.
 * Frontends know nothing of tunnels behind it; the server's registry implements it.
 */
import type { Address } from "./address.ts";
import type { Duplex } from "./duplex.ts";
import { RevtunError } from "./errors.ts";

/** What a frontend wants to reach. */
export interface UpstreamRequest {
  readonly cluster: string;
  /** A target's name as the agent declares it; "" is its default target. */
  readonly target: string;
  /** `host:port` in the hosts' network in place of a target, where the client names it. */
  readonly destination?: string;
  /** "udp": the stream carries datagrams, each behind its length (u16); bytes unless given. */
  readonly network?: "udp";
  /** "http" streams may be pooled and shared by clients one after another; "tcp" never are. */
  readonly protocol: "http" | "tcp";
  /** Only this host of the cluster, by its host name. */
  readonly hostName?: string;
  /** Only these hosts, by `Upstream.hostId`; the set may change while the request waits. */
  readonly hostIds?: ReadonlySet<string> | undefined;
  /** Requests of one key go to one host while it is there (consistent hash). */
  readonly hashKey?: string;
  /** Hosts not to use, by `Upstream.hostId`: those that this request failed on. */
  readonly excludedHosts?: ReadonlySet<string>;
  /** The client's address, for targets that want to know it. */
  readonly source?: Address;
  /** The agent is to say how long its dial took: see {@link StreamOpening}. */
  readonly isTimed?: boolean;
  /** Not a pooled stream, even where there is one. */
  readonly isFresh?: boolean;
  /** `traceparent` of what is traced: for the agent's spans, where it makes some. */
  readonly traceparent?: string | undefined;
  /** Called when the target is connected: before anything of it is delivered, at most once. */
  readonly onOpen?: () => void;
  /** Bytes that the user keeps while it waits; they count for a bound on all that wait. */
  readonly heldBytes?: number;
  /** How long to wait for a host or a free raw connection before giving up, in ms. */
  readonly waitMs: number;
}

/** Times of a stream's opening. */
export interface StreamOpening {
  /** From its opening to the agent's answer, ms; undefined while there is none. */
  readonly openMs: number | undefined;
  /** What of that was the agent's dial, ms, if it was asked for. */
  readonly dialMs: number | undefined;
  /** The agent makes a span of its dial. */
  readonly isTraced?: boolean;
}

/** A byte stream to a target, held by one user until `release()`. */
export interface Upstream {
  /**
   * `onClose` gets a DialError when the far end said that no target was touched, so that the
   * request may go to another host.
   */
  readonly duplex: Duplex;
  readonly cluster: string;
  readonly hostId: string;
  readonly hostName: string;
  /** Host that the target wants to be asked for; as the client asks if undefined. */
  readonly hostHeader?: string | undefined;
  /** True if it served someone before: it may turn out to be closed by now through nobody's fault. */
  readonly isReused: boolean;
  /** How its opening went; undefined where it was open before. */
  readonly opening?: StreamOpening | undefined;
  /** Smoothed round trip to its agent, ms; 0 if it is not known. */
  readonly rttMs: number;
  /**
   * Gives it back, exactly once.
   *
   * @param isReusable the last exchange is complete on both sides and the target keeps the
   * connection: the next user starts with a clean stream. Otherwise it is closed.
   */
  release(isReusable: boolean): void;
}

/** Why there is no upstream. */
export type UpstreamFailure =
  | "noCluster"
  | "noHost"
  | "unhealthy"
  | "busy"
  | "overloaded"
  | "closing";

/** No upstream could be had; nothing of the request was sent anywhere. */
export class UpstreamError extends RevtunError {
  override name = "UpstreamError";
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}

/** Gives upstreams to frontends. */
export interface Upstreams {
  /** Cluster names known now, for routing by name. */
  clusterNames(): Iterable<string>;
  /** True if a cluster of exactly this name is known now. */
  hasCluster(name: string): boolean;
  /**
   * Finds a host and a stream to it. Settles at once (not a promise) where one is at hand, which
   * is the usual case and the fast one.
   *
   * @throws {UpstreamError} at once or as the promise's rejection.
   */
  acquire(request: UpstreamRequest): Upstream | Promise<Upstream>;
}
