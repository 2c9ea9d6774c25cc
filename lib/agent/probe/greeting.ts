/** A handshake that only asks: what the server says, and the session where there is one. */
import { CONNECT_STATUS, describeStatus } from "../../codec/message.ts";
import type { InitResponse } from "../../codec/message.ts";
import { DecodeError, DialError, HandshakeError } from "../../errors.ts";
import { MemoryBudget } from "../../mux/memory_budget.ts";
import { Session } from "../../mux/session.ts";
import type { Runtime } from "../../runtime.ts";
import type { Found } from "../../step.ts";
import type { Connection } from "../../transport/connection.ts";
import { AGENT_DEFAULTS } from "../config.ts";
import { shakeHands } from "../open_tunnel.ts";
import { describePeer } from "./describe_peer.ts";
import type { ProbeOptions } from "./probe_options.ts";

/** Who asks, and how long it waits. */
export type GreetingOptions = Pick<
  ProbeOptions,
  "cluster" | "hostName" | "credentialPolicy" | "credential" | "software" | "targets" | "timeoutMs"
>;

/** The server's clock beside this machine's. */
export interface ClockDifference {
  /** How far the server's is ahead, ms; negative where it is behind. */
  readonly aheadMs: number;
  /** How far off that may be: half of the time that the answer took. */
  readonly errorMs: number;
}

/** What a handshake on one connection brings. */
export class Greeting {
  isMosn = false;
  /** Undefined where the server does not say what time it is. */
  clock: ClockDifference | undefined;
  readonly #socket: Connection;
  readonly #options: GreetingOptions;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  readonly #clockMs: () => number;
  #response: InitResponse | undefined;
  #firstBytes = new Uint8Array(0);

  /** @param clockMs ms since 1970. */
  constructor(
    socket: Connection,
    options: GreetingOptions,
    runtime: Runtime,
    signal: AbortSignal,
    clockMs: () => number = Date.now,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#runtime = runtime;
    this.#signal = signal;
    this.#clockMs = clockMs;
  }

  /** What answered, where that was no tunnel server; undefined where nothing did. */
  get stranger(): string | undefined {
    return this.#response === undefined && this.#firstBytes.length > 0
      ? describePeer(this.#firstBytes)
      : undefined;
  }

  /**
   * Shakes hands for `cluster`; gives the session where there is one.
   *
   * @param mustExist false where "no such cluster" is as good an answer as any.
   */
  async greet(cluster: string, mustExist = false): Promise<Found<Session | undefined>> {
    const { hostName, credentialPolicy, credential, software } = this.#options;
    const { targets = AGENT_DEFAULTS.targets } = this.#options;
    const sentMs = this.#clockMs();
    try {
      const session = await shakeHands(this.#socket, {
        settings: { ...AGENT_DEFAULTS, cluster, hostName, credentialPolicy, credential, targets },
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
          this.clock = clockOf(response.hello?.timeMs, sentMs, this.#clockMs());
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

  #found(session: Session | undefined): Found<Session | undefined> {
    const hello = this.#response?.hello;
    const status = this.#response?.status ?? CONNECT_STATUS.unknownFailure;
    const words = describeStatus(status);
    if (hello === undefined) {
      return {
        value: undefined,
        detail: `${words}: MOSN, for a cluster that it does not have`,
        facts: { status, "status_text": words, software: "MOSN", mode: "raw" },
      };
    }
    const { software = "revtun", serverId = "", serverCount = 1 } = hello;
    // Whether the one that is asked for would be taken, is a step of its own.
    const isAsked = this.#options.cluster !== undefined;
    const isDeclaring = status !== CONNECT_STATUS.success;
    const mode = hello.mode ?? (session === undefined ? "raw" : "mux");
    return {
      value: session,
      detail: `${isAsked && isDeclaring ? `"${words}" to a made-up cluster` : words}: ` +
        `${software}, server ${serverId.slice(0, 8)} of ${serverCount}` +
        (!isDeclaring
          ? `, mode ${mode}`
          : isAsked
          ? ""
          : "; takes declared clusters only: ask for one by --cluster"),
      facts: {
        status,
        "status_text": words,
        software,
        "server_id": serverId,
        "server_count": serverCount,
        ...(isDeclaring ? {} : { mode }),
      },
    };
  }
}

/** As NTP does: the server's time is taken for that of the middle of the exchange. */
function clockOf(
  serverMs: number | undefined,
  sentMs: number,
  receivedMs: number,
): ClockDifference | undefined {
  if (serverMs === undefined) return undefined;
  return {
    aheadMs: serverMs - (sentMs + receivedMs) / 2,
    errorMs: Math.abs(receivedMs - sentMs) / 2,
  };
}
