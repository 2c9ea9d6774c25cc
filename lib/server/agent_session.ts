/** The server's end of a session with an agent, or with a probe. */
import type { Message } from "../codec/message.ts";
import type { Preface } from "../codec/preface.ts";
import { GO_AWAY } from "../codec/yamux.ts";
import type { Duplex } from "../duplex.ts";
import { ProtocolError } from "../errors.ts";
import { Allowance } from "../mux/abuse.ts";
import type { KeepaliveOptions } from "../mux/keepalive.ts";
import type { MemoryBudget } from "../mux/memory_budget.ts";
import { Session } from "../mux/session.ts";
import type { MuxStream } from "../mux/stream.ts";
import type { Runtime } from "../runtime.ts";
import { ControlStream } from "./control_stream.ts";
import type { Limits } from "./limits.ts";
import type { ServerStats } from "./stats.ts";

/** Streams that may wait for a revtun agent's ACK; Go's yamux bears 256. */
const REVTUN_UNACKNOWLEDGED = 8192;
const YAMUX_UNACKNOWLEDGED = 256;
/**
 * Streams and messages of one agent's connection: at once, and a second in the long run. It opens one
 * stream, for control; a few more are a newer version's.
 */
const AGENT_OPENS = { atOnce: 64, perSecond: 10 };
const AGENT_MESSAGES = { atOnce: 200, perSecond: 20 };

/** What all sessions of a server share. */
export interface AgentSessionContext {
  readonly runtime: Runtime;
  readonly stats: ServerStats;
  readonly limits: Limits;
  readonly budget: MemoryBudget;
}

/** One session, and what becomes of what the agent says and does. */
export interface AgentSessionOptions {
  /** Of the tunnel connection. */
  readonly id: number;
  readonly duplex: Duplex;
  /** For the log. */
  readonly name: string;
  /** Name and version that the agent gave itself. */
  readonly software: string | undefined;
  readonly keepalive: KeepaliveOptions;
  onMessage(message: Message): void;
  /** The stream that messages come and go on. */
  onControl?(stream: ControlStream): void;
  /** A stream that is none of messages: true if it is taken. */
  onOther?(stream: MuxStream, preface: Preface): boolean;
  onGoAway(): void;
  onClose(error?: Error): void;
}

/** Opens it. An agent that opens or says too much is stopped. */
export function openAgentSession(
  { runtime, stats, limits, budget }: AgentSessionContext,
  options: AgentSessionOptions,
): Session {
  const { id, name } = options;
  const startMs = runtime.nowMs();
  const opens = new Allowance(AGENT_OPENS.atOnce, AGENT_OPENS.perSecond, startMs);
  const messages = new Allowance(AGENT_MESSAGES.atOnce, AGENT_MESSAGES.perSecond, startMs);
  const session: Session = new Session(options.duplex, {
    role: "listener",
    name,
    runtime,
    budget,
    keepalive: options.keepalive,
    // An agent built on plain yamux says hello but no software of ours.
    maxUnacknowledged: options.software?.startsWith("revtun/")
      ? REVTUN_UNACKNOWLEDGED
      : YAMUX_UNACKNOWLEDGED,
    onRtt: (rttMs) => stats.rtt.observe(rttMs),
    onStream: (stream) => {
      if (!opens.take(runtime.nowMs())) {
        stats.limited("openRate");
        const error = new ProtocolError(`Agent of ${name} opens too many streams`);
        runtime.log.warn("session.protocol_error", error.message, { session: name });
        session.close(error, GO_AWAY.protocolError);
        return;
      }
      const control = new ControlStream(stream, {
        message: (message) => {
          if (messages.take(runtime.nowMs())) return options.onMessage(message);
          const detail = "Ignored what an agent says: it says too much";
          limits.reached("messageRate", detail, { tunnel: id });
        },
        other: (stream, preface) => options.onOther?.(stream, preface) ?? false,
        garbage: (error) => {
          stats.controlIgnored += 1;
          runtime.log.warn("control.garbage", error.message, { tunnel: id });
        },
      });
      options.onControl?.(control);
    },
    onGoAway: (code) => {
      if (code !== GO_AWAY.normal) {
        runtime.log.warn("session.rejected", "An agent finds fault with its session", {
          session: name,
          code,
        });
      }
      options.onGoAway();
    },
    onClose: (error) => {
      if (error instanceof ProtocolError) stats.sessionErrors += 1;
      options.onClose(error);
    },
  });
  return session;
}
