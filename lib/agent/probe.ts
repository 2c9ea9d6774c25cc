/** Tries the way to a tunnel server step by step, and says what is wrong. Registers nothing. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { CONNECT_STATUS, describeStatus } from "../codec/message.ts";
import type { InitResponse } from "../codec/message.ts";
import { DecodeError, DialError, HandshakeError } from "../errors.ts";
import { parseIp } from "../ip_network.ts";
import { MemoryBudget } from "../mux/memory_budget.ts";
import { Session } from "../mux/session.ts";
import type { Runtime } from "../runtime.ts";
import type { Secret } from "../secret.ts";
import { dial } from "../transport/dial.ts";
import { resolve } from "../transport/resolve.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";
import type { Connection } from "../transport/connection.ts";
import { AGENT_DEFAULTS } from "./config.ts";
import { describePeer } from "./describe_peer.ts";
import { dialServer, shakeHands } from "./open_tunnel.ts";
import { probeTls, TlsProbeError } from "./probe_tls.ts";

/** What to probe, and as whom. */
export interface ProbeOptions {
  readonly server: Address;
  /** TLS to it; in the clear if undefined. */
  readonly tls?: TlsClientSettings | undefined;
  /** Cluster to ask for; a name that no server has if undefined. */
  readonly cluster?: string | undefined;
  readonly hostName: string;
  readonly credentialPolicy: string;
  readonly credential: Secret | undefined;
  readonly software: string;
  /** Deadline of each step, ms. */
  readonly timeoutMs: number;
  /** Round trips to measure. */
  readonly pings: number;
}

/** One step and how it went. */
export interface ProbeStep {
  readonly name: "resolve" | "connect" | "tls" | "handshake" | "cluster" | "session";
  /** Address it was about; the server as given for `resolve`. */
  readonly address: string;
  readonly isGood: boolean;
  readonly ms: number;
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** What to do about it, where it failed. */
  readonly advice?: string;
  /** What was measured: snake_case names, for machines. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** Runs a probe; each step is given as soon as it is over. */
export async function* probe(
  options: ProbeOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<ProbeStep> {
  const { server } = options;
  const addresses: Address[] = [];
  if (server.kind === "unix" || parseIp(server.host) !== undefined) {
    addresses.push(server);
  } else {
    const { port } = server;
    const [step, ips] = await timed(runtime, "resolve", formatAddress(server), async () => {
      const ips = await resolve(server.host, runtime.timers, options.timeoutMs);
      return { value: ips, detail: ips.join(", ") };
    });
    yield step;
    for (const host of ips ?? []) addresses.push({ kind: "tcp", host, port });
  }
  for (const address of addresses) {
    if (signal.aborted) return;
    yield* probeAddress(address, options, runtime, signal);
  }
}

async function* probeAddress(
  address: Address,
  options: ProbeOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<ProbeStep> {
  const name = formatAddress(address);
  const [connected, plain] = await timed(runtime, "connect", name, async () => {
    const socket = await dial(address, runtime, { timeoutMs: options.timeoutMs, signal });
    return { value: socket, detail: `TCP from ${formatAddress(socket.local)}` };
  });
  yield connected;
  if (plain === undefined) return;
  let socket: Connection = plain;
  if (options.tls !== undefined) {
    plain.close();
    const { tls } = options;
    const [shaken, secured] = await timed(
      runtime,
      "tls",
      name,
      () => probeTls({ address, server: options.server }, tls, options.timeoutMs, runtime, signal),
    );
    yield shaken;
    if (secured === undefined) return;
    socket = secured;
  }
  // A cluster that no server has: MOSN knows no probes and would register us.
  const nobody = `revtun-probe-${crypto.randomUUID()}`;
  const greeting = new Greeting(socket, options, runtime, signal);
  const [greeted, session] = await timed(runtime, "handshake", name, () => greeting.greet(nobody));
  yield greeted;
  if (session !== undefined) yield await measure(session, name, options, runtime);
  session?.close();
  if (!greeted.isGood || greeting.isMosn) return;
  const { cluster } = options;
  if (cluster === undefined) return;
  yield* probeCluster(address, cluster, session !== undefined, options, runtime, signal);
}

/** Asks for the cluster itself, now that the server is known to understand what a probe is. */
async function* probeCluster(
  address: Address,
  cluster: string,
  isSessionMeasured: boolean,
  options: ProbeOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<ProbeStep> {
  const name = formatAddress(address);
  const [step, session] = await timed(runtime, "cluster", name, async () => {
    const { server, tls, timeoutMs } = options;
    const socket = await dialServer({ address, server }, tls, runtime, { timeoutMs, signal });
    const greeting = new Greeting(socket, options, runtime, signal);
    const { value } = await greeting.greet(cluster, true);
    return { value, detail: `an agent of cluster ${cluster} would be accepted` };
  });
  yield step;
  if (session !== undefined && !isSessionMeasured) {
    yield await measure(session, name, options, runtime);
  }
  session?.close();
}

async function measure(
  session: Session,
  name: string,
  options: ProbeOptions,
  runtime: Runtime,
): Promise<ProbeStep> {
  const [step] = await timed(runtime, "session", name, async () => {
    const rtts: number[] = [];
    const deadline = runtime.timers.after(options.timeoutMs, () => {
      session.close(new DialError(name, "timeout", "the session does not answer pings in time"));
    });
    try {
      for (let i = 0; i < options.pings; i++) rtts.push(await session.ping());
    } finally {
      deadline.cancel();
    }
    rtts.sort((a, b) => a - b);
    const at = (share: number) => rtts[Math.min(rtts.length - 1, Math.floor(rtts.length * share))]!;
    const facts = {
      "rtt_min_ms": round(at(0)),
      "rtt_median_ms": round(at(0.5)),
      "rtt_p99_ms": round(at(0.99)),
      pings: rtts.length,
    };
    return {
      value: undefined,
      detail: `round trip ${facts.rtt_min_ms} ms at best, ${facts.rtt_median_ms} ms median, ` +
        `${facts.rtt_p99_ms} ms p99 (${facts.pings} pings)`,
      facts,
    };
  });
  return step;
}

/** What a handshake on one connection brings. */
class Greeting {
  isMosn = false;
  readonly #socket: Connection;
  readonly #options: ProbeOptions;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  #response: InitResponse | undefined;
  #firstBytes = new Uint8Array(0);

  constructor(
    socket: Connection,
    options: ProbeOptions,
    runtime: Runtime,
    signal: AbortSignal,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#runtime = runtime;
    this.#signal = signal;
  }

  /**
   * Shakes hands for `cluster`; gives the session where there is one.
   *
   * @param mustExist false where "no such cluster" is as good an answer as any.
   */
  async greet(cluster: string, mustExist = false): Promise<Found<Session>> {
    const { hostName, credentialPolicy, credential, software } = this.#options;
    try {
      const session = await shakeHands(this.#socket, {
        settings: { ...AGENT_DEFAULTS, cluster, hostName, credentialPolicy, credential },
        identity: {
          agentId: crypto.randomUUID(),
          connectionId: 1,
          software,
          purpose: "probe",
        },
        runtime: this.#runtime,
        timeoutMs: this.#options.timeoutMs,
        signal: this.#signal,
        onBytes: (bytes) => {
          if (this.#firstBytes.length === 0) this.#firstBytes = bytes.slice(0, 64);
        },
        onResponse: (response) => {
          this.#response = response;
          this.isMosn = response.hello === undefined;
        },
        onResult: ({ mode, rest }, buffer) => {
          if (mode === "raw") {
            this.#socket.close();
            return undefined;
          }
          const session = new Session(this.#socket, {
            role: "dialler",
            name: this.#socket.name,
            runtime: this.#runtime,
            budget: new MemoryBudget(),
            onStream: (stream) => stream.close(),
            onClose: () => {},
          });
          if (rest.length > 0) session.onData(rest, buffer);
          return session;
        },
      });
      return this.#found(session);
    } catch (error) {
      if (!mustExist && this.#isGoodEnough(error)) return this.#found(undefined);
      if (!(error instanceof DecodeError)) throw error;
      throw new DialError(
        this.#socket.name,
        "refused",
        `no tunnel server, but ${describePeer(this.#firstBytes)}`,
        { cause: error },
      );
    }
  }

  /** A refusal of the cluster that nobody has, or of us in it where another one is asked for next. */
  #isGoodEnough(error: unknown): boolean {
    if (!(error instanceof HandshakeError)) return false;
    if (error.status === CONNECT_STATUS.clusterNotExist) return true;
    return error.status === CONNECT_STATUS.authFailed && !this.isMosn &&
      this.#options.cluster !== undefined;
  }

  #found(session: Session | undefined): Found<Session> {
    const hello = this.#response?.hello;
    const status = this.#response?.status ?? CONNECT_STATUS.unknownFailure;
    if (hello === undefined) {
      return {
        value: undefined,
        detail: `MOSN; answers "${describeStatus(status)}" for a cluster that it does not have`,
        facts: { status, software: "MOSN", mode: "raw" },
      };
    }
    const { software = "revtun", serverId = "", serverCount = 1 } = hello;
    const isDeclaring = status !== CONNECT_STATUS.success;
    const mode = hello.mode ?? (session === undefined ? "raw" : "mux");
    return {
      value: session,
      detail: `${software}, server ${serverId.slice(0, 8)} of ${serverCount}` +
        (isDeclaring
          ? "; takes declared clusters only: ask for one by --cluster"
          : `, mode ${mode}`),
      facts: {
        status,
        software,
        "server_id": serverId,
        "server_count": serverCount,
        ...(isDeclaring ? {} : { mode }),
      },
    };
  }
}

/** What a step found. */
export interface Found<T> {
  readonly value: T | undefined;
  readonly detail: string;
  readonly facts?: Readonly<Record<string, string | number>>;
}

/** Runs one step; never rejects. */
async function timed<T>(
  runtime: Runtime,
  name: ProbeStep["name"],
  address: string,
  run: () => Promise<Found<T>>,
): Promise<[ProbeStep, T | undefined]> {
  const startMs = runtime.nowMs();
  const elapsedMs = () => round(runtime.nowMs() - startMs);
  try {
    const { value, detail, facts } = await run();
    const found = facts === undefined ? {} : { facts };
    return [{ name, address, isGood: true, ms: elapsedMs(), detail, ...found }, value];
  } catch (error) {
    return [{
      name,
      address,
      isGood: false,
      ms: elapsedMs(),
      detail: (error as Error).message,
      advice: adviceFor(name, error),
      ...(error instanceof TlsProbeError && { facts: error.facts }),
    }, undefined];
  }
}

function adviceFor(name: ProbeStep["name"], error: unknown): string {
  if (error instanceof HandshakeError) {
    switch (error.status) {
      case CONNECT_STATUS.authFailed:
        return "give the right --token-file, or REVTUN_TOKEN";
      case CONNECT_STATUS.validatorNotFound:
        return "name the server's policy by --credential";
      case CONNECT_STATUS.clusterNotExist:
        return "declare the cluster on the server, by --cluster, or correct its name";
      default:
        return "try again later; the server's log says more";
    }
  }
  const failure = error instanceof DialError ? error.failure : undefined;
  switch (name) {
    case "resolve":
      return "check the name, and this machine's name servers";
    case "connect":
      return failure === "refused"
        ? "start `revtun server` there, or correct the port: it is the one given as --tunnel"
        : "check that firewalls and routes let this machine reach that address and port";
    case "tls":
      return "check --tls-ca, --tls-server-name or --tls-pin against what the server shows";
    case "session":
      return "something on the way passes the handshake and then stops: look for a proxy there";
    default:
      return failure === "timeout"
        ? "something accepts connections and says nothing: a firewall, or another program's port"
        : "correct the address: it is to be the server's --tunnel port";
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
