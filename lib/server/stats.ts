/** Counts of what a server did and refused; read by admin and metrics. */
import type { H2Refusal } from "../http/h2/server_sessions.ts";
import { Histogram } from "../histogram.ts";
import type { TlsRefusal } from "../transport/tls_server.ts";

/** Each grows only. */
export class ServerStats {
  handshakesAccepted = 0;
  /** By reason: "garbage", "timeout", "credential", "cluster", "name", "overload", "inUse". */
  readonly handshakesRefused: Record<string, number> = {};
  /** Of those for their credential, why it did not do: see `CredentialFailure`. */
  readonly credentialFailures: Record<string, number> = {};
  /** Tunnel connections closed because what let them in had expired or was revoked. */
  permitsEnded = 0;
  /** TLS handshakes that came to nothing, of agents and clients, by reason. */
  readonly tlsHandshakesRefused: Record<string, number> = {};
  /** Connections of HTTP/2 cut off, and malformed requests on them, by reason. */
  readonly h2Refusals: Record<string, number> = {};
  /** Times that a limit kept something out, by its name: see `LimitName`. */
  readonly limits: Record<string, number> = {};
  frontendConnections = 0;
  frontendRefused = 0;
  /**
   * Clients turned away by what they are or say first, by reason: "address", "proxy-stranger",
   * "proxy-header", "client-hello", "no-server-name", "unknown-server-name", "socks", "connect",
   * "unauthorized", "destination", "not-allowed", "slow", "ended".
   */
  readonly clientsRefused: Record<string, number> = {};
  /** Datagrams that no queue had room for, or that could not be sent. */
  datagramsDropped = 0;
  requests = 0;
  /** HTTP answers by class: "2xx", "0xx" for those whose client left before. */
  readonly answers: Record<string, number> = {};
  /** HTTP answers of our own by their code, as in `x-revtun-error`. */
  readonly ownAnswers: Record<string, number> = {};
  /** From a request's whole head to its answer's first byte. */
  readonly firstByte: Histogram = new Histogram();
  /** From a request's whole head to the last byte of a target's answer. */
  readonly duration: Histogram = new Histogram();
  /** Round trips to agents, each that was measured. */
  readonly rtt: Histogram = new Histogram();
  /** From a stream's opening to its answer. */
  readonly open: Histogram = new Histogram();
  streamsOpened = 0;
  streamsReused = 0;
  opensFailed = 0;
  ejections = 0;
  holds = 0;
  holdsExpired = 0;
  sessionErrors = 0;
  gracefulCloses = 0;
  gracefulClosesIgnored = 0;
  /** Control messages that say what their sender may not say, or that are garbage. */
  controlIgnored = 0;

  /** An HTTP request was answered, or given up with status 0. */
  answered(status: number, code: string | undefined, firstByteMs: number): void {
    this.requests += 1;
    count(this.answers, CLASSES[Math.trunc(status / 100)] ?? "0xx");
    if (code !== undefined) count(this.ownAnswers, code);
    this.firstByte.observe(firstByteMs);
  }

  tlsRefused(refusal: TlsRefusal): void {
    count(this.tlsHandshakesRefused, refusal);
  }

  h2Refused(refusal: H2Refusal): void {
    count(this.h2Refusals, refusal);
  }

  clientRefused(reason: string): void {
    count(this.clientsRefused, reason);
  }

  limited(limit: string): void {
    count(this.limits, limit);
  }

  refused(reason: string, failure?: string): void {
    count(this.handshakesRefused, reason);
    if (failure !== undefined) count(this.credentialFailures, failure);
  }
}

/** Names of the answers' classes, by the first digit of their status. */
const CLASSES = ["0xx", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
