/** What a server can be told, and what it assumes where it is told nothing. */
import type { Address } from "../address.ts";
import type { CredentialPolicy } from "../auth/credential_policy.ts";
import { noCredential } from "../auth/credential_policy.ts";
import type { ForwardedStyle } from "../http/client_facts.ts";
import type { RouteRule } from "../http/route_rule.ts";
import type { KeepaliveOptions } from "../mux/keepalive.ts";
import { DEFAULT_KEEPALIVE } from "../mux/keepalive.ts";
import type { CertificateStoreOptions } from "../transport/certificate_store.ts";
import type { PortSharing } from "../transport/port_sharing.ts";
import type { ExposeRule } from "./expose_rule.ts";
import type { ListenSpec } from "./listen_spec.ts";
import type { ThroughputRule } from "./throughput.ts";
import { NO_SLOW_START } from "./slow_start.ts";
import type { SlowStart } from "./slow_start.ts";
import type { TrafficWatcher } from "./traffic_watch.ts";

/** Settings of a server. */
export type ServerConfig = Readonly<{
  /** Where clients come in, and what for. */
  frontends: readonly ListenSpec[];
  /**
   * Where the requests of http frontends without a cluster go, the first that matches; with none,
   * Host and `x-revtun-cluster` choose.
   */
  routes: readonly RouteRule[];
  /** Networks of proxies in front, whose X-Forwarded fields are believed; see TrustedProxies. */
  trustedProxies: readonly string[];
  /** Largest body of an HTTP request, with the framing of its chunks; 0 for any. Default 0. */
  maxBodyBytes: number;
  /** Who wants to know of each request and connection; whoever made them closes them. Nobody. */
  watchers: readonly TrafficWatcher[];
  /** A request that asks for it by `x-revtun-trace` is told the times of its hops. Default: no. */
  tellsTimings: boolean;
  /** What frontends agents may ask for. Default: none. */
  allowExpose: readonly ExposeRule[];
  /** How targets are told of clients. Default "x-forwarded". */
  forwarded: ForwardedStyle;
  /** Where agents come in. */
  tunnels: readonly Address[];
  /** TLS on the tunnel ports; in the clear if undefined. */
  tunnelTls: CertificateStoreOptions | undefined;
  /** Certificates of https:// frontends; without them there can be none. */
  frontendTls: CertificateStoreOptions | undefined;
  /** Clusters that agents may register in; with none declared and open, any name. */
  clusters: readonly string[];
  /** Any cluster name may be registered. Default: only while none is declared, no credential set. */
  isOpenToClusters: boolean;
  /** Clusters that an agent's credential names need no declaration. Default: yes. */
  isOpenToNamedClusters: boolean;
  /** Who may register what. Default: everybody. */
  credentialPolicy: CredentialPolicy;
  /** Names this server to agents; made at random unless given. */
  serverId: string;
  /** Servers that each agent should hold connections to, for n replicas behind one balancer. */
  serverCount: number;
  /** A connection that sends no ConnectionInitInfo within this is closed, ms. Default 5 s. */
  initTimeoutMs: number;
  /** How long a client may take to say where to: PROXY header, ClientHello, SOCKS, CONNECT; ms. */
  prereadTimeoutMs: number;
  keepalive: KeepaliveOptions;
  /**
   * How long a request may wait for a host of its cluster to come back, or for one of its raw
   * connections to be free, ms. Default 5 s.
   */
  holdMs: number;
  /** Requests that may wait so at once in one cluster. Default 1,000. */
  maxWaiting: number;
  /** Bytes of requests that may wait so at once in all clusters. Default 64 MiB. */
  maxWaitingBytes: number;
  /** An agent's word on whether a target is reached, ms; the request then goes elsewhere. 30 s. */
  openTimeoutMs: number;
  /** First byte of an answer, ms; a safe request then goes elsewhere or gets 504. Default 60 s. */
  firstByteTimeoutMs: number;
  /** A stream without a byte for this long is closed, ms; 0 for never. Default 5 min. */
  idleTimeoutMs: number;
  /** Who else may listen on the same TCP ports, for a takeover. Default: nobody. */
  portSharing: PortSharing;
  /** What work in flight is given to end when the server stops, ms. Default 15 s. */
  drainTimeoutMs: number;
  /** Connections in their handshake at once, all together and from one address. */
  maxHandshakes: number;
  maxHandshakesPerAddress: number;
  /** Handshakes a second from one address in the long run; twice as many at once. Default 500. */
  handshakesPerSecond: number;
  /** Credentials from one address that may fail before answers are held back. Default 30. */
  freeCredentialFailures: number;
  /** Tunnel connections in all; frontend connections in all, and from one address. */
  maxTunnels: number;
  maxFrontendConnections: number;
  maxFrontendConnectionsPerAddress: number;
  /** Connections of one agent, or of one identity where each agent has its own. Default 128. */
  maxConnectionsPerAgent: number;
  /** Streams to one agent's connection at once; more go to others or wait. Default 8,192. */
  maxStreamsPerSession: number;
  /** Bytes a second, both ways together, of each agent and of each frontend; 0 for any. Default 0. */
  agentBytesPerSecond: number;
  frontendBytesPerSecond: number;
  /** Bytes that slow readers may pile up in all sessions together. Default 512 MiB. */
  memoryBudgetBytes: number;
  /** Who may measure how fast bytes pass, by revtun probe --throughput. Default: this machine. */
  throughput: ThroughputRule;
  /** How long a new host takes to its full share. Default: no time. */
  slowStart: SlowStart;
  /** How long one takes that is back from an ejection, ms. */
  ejectedSlowStartMs: number;
}>;

/** Everything that has a default. */
export const SERVER_DEFAULTS = {
  frontends: [],
  watchers: [],
  tellsTimings: false,
  routes: [],
  trustedProxies: [],
  allowExpose: [],
  maxBodyBytes: 0,
  forwarded: "x-forwarded",
  tunnels: [],
  tunnelTls: undefined,
  frontendTls: undefined,
  clusters: [],
  isOpenToClusters: true,
  isOpenToNamedClusters: true,
  credentialPolicy: noCredential,
  serverId: "",
  serverCount: 1,
  initTimeoutMs: 5000,
  prereadTimeoutMs: 10_000,
  keepalive: DEFAULT_KEEPALIVE,
  holdMs: 5000,
  maxWaiting: 1000,
  maxWaitingBytes: 64 << 20,
  openTimeoutMs: 30_000,
  firstByteTimeoutMs: 60_000,
  idleTimeoutMs: 300_000,
  portSharing: "none",
  drainTimeoutMs: 15_000,
  maxHandshakes: 4096,
  maxHandshakesPerAddress: 1024,
  maxTunnels: 20_000,
  maxFrontendConnections: 50_000,
  maxFrontendConnectionsPerAddress: 16_384,
  handshakesPerSecond: 500,
  freeCredentialFailures: 30,
  maxConnectionsPerAgent: 128,
  maxStreamsPerSession: 8192,
  agentBytesPerSecond: 0,
  frontendBytesPerSecond: 0,
  memoryBudgetBytes: 512 << 20,
  throughput: "loopback",
  slowStart: NO_SLOW_START,
  ejectedSlowStartMs: 10_000,
} as const satisfies ServerConfig;

/** Fills in the defaults. */
export function serverConfig(init: Partial<ServerConfig>): ServerConfig {
  const serverId = init.serverId ?? crypto.randomUUID();
  return { ...SERVER_DEFAULTS, ...init, serverId };
}
