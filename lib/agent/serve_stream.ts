/** What an agent does with a stream: reads where to, dials, answers, joins the two. */
import { encodeAnswer, PrefaceDecoder } from "../codec/preface.ts";
import type { Preface } from "../codec/preface.ts";
import type { Duplex, Sink } from "../duplex.ts";
import { DialError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { splice } from "../splice.ts";
import type { Splice } from "../splice.ts";
import type { Timer } from "../timer.ts";
import type { Connection } from "../transport/connection.ts";
import type { EdgePolicy, EdgeVisit } from "./edge_policy.ts";
import { proxyHeader } from "./proxy_header.ts";
import type { StreamTracer } from "./stream_tracer.ts";
import type { TargetDialer } from "./target_dialer.ts";

/** What serving needs. */
export interface StreamServices {
  readonly runtime: Runtime;
  readonly dialer: TargetDialer;
  /** What this side allows; undefined where there is no rule. */
  readonly policy?: EdgePolicy | undefined;
  /** Makes spans of what servers trace; undefined for none. */
  readonly tracer?: StreamTracer | undefined;
  /** A stream without a byte for this long is closed, ms; 0 for never. */
  readonly idleTimeoutMs: number;
}

/** How long a server may take to say where a stream is to go, and to end one that failed. */
const PATIENCE_MS = 10_000;

/** Datagrams have no end of their own: theirs is this long without one, once their agent drains. */
const DATAGRAMS_REST_MS = 3000;

const OPEN = encodeAnswer({ status: "open" });

/** A stream that is served. */
export interface ServedStream {
  /** What is asked on it next is traced; `traceparent` is the server's word. */
  trace(traceparent: string): void;
  /** Ends it, if datagrams pass on it, once none has come for some seconds; else nothing. */
  drain(): void;
}

/** What becomes of a stream. */
export interface StreamFate {
  /** Called once, when the stream and what it was joined with are both gone. */
  onDone(): void;
  /** Datagrams pass on it: it goes on until somebody ends it. Called once at most. */
  onDatagrams(): void;
  /** It began with what is no preface, and was closed. */
  onGarbage(error: Error): void;
}

/** Serves `stream` to its end. */
export function serveStream(
  stream: Duplex,
  services: StreamServices,
  fate: StreamFate,
): ServedStream {
  const service = new StreamService(stream, services, fate);
  stream.attach(service);
  return service;
}

class StreamService implements Sink, ServedStream {
  readonly #stream: Duplex;
  readonly #services: StreamServices;
  readonly #fate: StreamFate;
  #decoder: PrefaceDecoder | undefined = new PrefaceDecoder();
  /** What came behind the preface before the target was there. */
  #held: Uint8Array[] | undefined;
  readonly #patience: Timer;
  readonly #abort = new AbortController();
  /** What was asked for, and with what it was joined. */
  #joined: { readonly preface: Preface; readonly splice: Splice } | undefined;
  #rest: Timer | undefined;

  constructor(stream: Duplex, services: StreamServices, fate: StreamFate) {
    this.#stream = stream;
    this.#services = services;
    this.#fate = fate;
    this.#patience = services.runtime.timers.after(PATIENCE_MS, () => stream.close());
  }

  trace(traceparent: string): void {
    if (this.#joined === undefined) return;
    const { preface, splice } = this.#joined;
    this.#services.tracer?.begin(traceparent, preface)?.asked(splice);
  }

  drain(): void {
    if (this.#joined?.preface.network !== "udp" || this.#rest !== undefined) return;
    const { splice } = this.#joined;
    const passedBytes = () => splice.forwardBytes + splice.backwardBytes;
    let seenBytes = passedBytes();
    const rest = this.#rest = this.#services.runtime.timers.after(DATAGRAMS_REST_MS, () => {
      if (passedBytes() === seenBytes) return this.#stream.end();
      seenBytes = passedBytes();
      rest.restart(DATAGRAMS_REST_MS);
    });
  }

  onData(bytes: Uint8Array): void {
    if (this.#decoder === undefined) {
      this.#held?.push(bytes.slice());
      return;
    }
    let decoded: { preface: Preface; rest: Uint8Array } | undefined;
    try {
      decoded = this.#decoder.push(bytes);
    } catch (error) {
      this.#stream.close(error as Error);
      this.#fate.onGarbage(error as Error);
      return;
    }
    if (decoded === undefined) return;
    this.#decoder = undefined;
    this.#patience.cancel();
    // The rest waits in the stream, where its window bounds it.
    this.#stream.pause();
    this.#held = decoded.rest.length > 0 ? [decoded.rest.slice()] : [];
    void this.#open(decoded.preface);
  }

  // The end before a preface, or after a refusal; in between the stream is paused.
  onEnd(): void {
    this.#stream.end();
  }

  onDrain(): void {}

  onClose(): void {
    this.#patience.cancel();
    this.#abort.abort();
    this.#held = undefined;
    this.#fate.onDone();
  }

  /** Never rejects. */
  async #open(preface: Preface): Promise<void> {
    const { dialer, policy, runtime, tracer } = this.#services;
    const trace = tracer?.begin(preface.traceparent, preface);
    const startMs = preface.timed === true ? runtime.nowMs() : 0;
    let target: Duplex;
    let visit: EdgeVisit | undefined;
    try {
      checkPreface(preface);
      visit = policy?.admit(preface.destination ?? preface.target ?? "");
      trace?.dials();
      target = await dialer.open(preface, this.#abort.signal);
      trace?.dialled();
    } catch (error) {
      trace?.dialled(error);
      visit?.end();
      if (!this.#stream.isClosed) this.#refuse(error);
      return;
    }
    const held = this.#held;
    if (held === undefined) {
      // The stream was reset meanwhile.
      target.close();
      visit?.end();
      return;
    }
    const version = dialer.targetOf(preface)?.proxyProtocol;
    if (version !== undefined) {
      const place = "remote" in target ? (target as Connection).remote : undefined;
      target.write(proxyHeader(version, preface.source, place));
    }
    const answer = preface.timed === true
      ? encodeAnswer({ status: "open", dialMs: runtime.nowMs() - startMs })
      : OPEN;
    const splice = this.#join(visit?.guard(target) ?? target, held, answer);
    this.#joined = { preface, splice };
    trace?.asked(splice);
    if (preface.network === "udp") this.#fate.onDatagrams();
  }

  #join(target: Duplex, held: readonly Uint8Array[], answer: Uint8Array): Splice {
    const stream = this.#stream;
    const { runtime, idleTimeoutMs } = this.#services;
    stream.write(answer);
    let hasRoom = true;
    for (const bytes of held) hasRoom = target.write(bytes) && hasRoom;
    const joined = splice(stream, target, {
      timers: runtime.timers,
      idleTimeoutMs,
      onClose: () => {
        this.#rest?.cancel();
        this.#fate.onDone();
      },
    });
    // Otherwise the splice resumes it once the target has drained.
    if (hasRoom) stream.resume();
    return joined;
  }

  #refuse(error: unknown): void {
    const { log, timers } = this.#services.runtime;
    const status = error instanceof DialError ? error.failure : "unreachable";
    const reason = (error as Error).message;
    log.debug("stream.refused", reason, { stream: this.#stream.name, status });
    this.#held = undefined;
    this.#stream.write(encodeAnswer({ status, reason }));
    this.#stream.end();
    // What the server sent in the meantime is dropped until it ends its side.
    this.#stream.resume();
    const patience = timers.after(PATIENCE_MS, () => this.#stream.close());
    this.#abort.signal.addEventListener("abort", () => patience.cancel());
  }
}

/** @throws {DialError} what this agent does not know how to serve. */
function checkPreface(preface: Preface): void {
  const { kind, network } = preface;
  if (kind !== undefined) {
    throw new DialError(kind, "noTarget", "this agent knows no stream of that kind");
  }
  if (network !== undefined && network !== "tcp" && network !== "udp") {
    throw new DialError(network, "noTarget", "this agent knows no such network");
  }
}
