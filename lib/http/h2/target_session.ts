/** HTTP/2 with a target, over one stream of a tunnel: what many requests share. */
import { connect } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { RequestHead } from "../../codec/http1/request_head.ts";
import { FrameGuard, TARGET_FRAME_LIMITS } from "../../codec/http2/frame_guard.ts";
import type { Duplex } from "../../duplex.ts";
import { ClosedError } from "../../errors.ts";
import type { TimerWheel } from "../../timer.ts";
import { DuplexStream } from "../../duplex_stream.ts";
import { TargetStream } from "./target_stream.ts";

/** What a target is told. */
const SETTINGS = { enablePush: false, initialWindowSize: 1 << 20, maxHeaderListSize: 64 << 10 };
/** Receive window of the whole connection. */
const SESSION_WINDOW_BYTES = 4 << 20;
/** What came before a GOAWAY has been read after this. */
const SETTLE_MS = 100;
/** Requests at once on one connection, if the target bears that many. */
const MAX_STREAMS = 100;

/** One connection of HTTP/2 to a target, owned by whoever made it. */
export class TargetSession {
  readonly #session: ClientHttp2Session;
  readonly #transport: DuplexStream;
  readonly #scheme: "http" | "https";
  readonly #requestHead = new RequestHead();
  #streams = 0;
  #served = 0;
  #isLeaving = false;
  /** Why it broke, once it has. */
  #error: Error | undefined;

  /** @param onGone called once, when no more requests can be made and none is under way. */
  constructor(
    duplex: Duplex,
    timers: TimerWheel,
    onGone: () => void,
    scheme: "http" | "https" = "http",
  ) {
    this.#scheme = scheme;
    const guard = new FrameGuard({
      hasPreface: false,
      limits: TARGET_FRAME_LIMITS,
      onGoAway: () => {
        this.#isLeaving = true;
        timers.after(SETTLE_MS, () => this.#leaveIfIdle());
      },
    });
    this.#transport = new DuplexStream(duplex, (bytes, pass) => {
      const abuse = guard.push(bytes, timers.coarseNowMs, pass);
      if (abuse !== undefined) throw new ClosedError("peer", `The target's HTTP/2 abuse: ${abuse}`);
    });
    this.#transport.on("error", (error) => this.#error ??= error);
    this.#session = connect("http://target", {
      createConnection: () => this.#transport,
      settings: SETTINGS,
      maxSessionMemory: 16,
    });
    this.#session.on("connect", () => this.#session.setLocalWindowSize(SESSION_WINDOW_BYTES));
    this.#session.on("error", (error: Error) => this.#error ??= error);
    this.#transport.once("end", () => {
      this.#transport.destroy(new ClosedError("peer", "The target ended its connection"));
    });
    this.#transport.once("close", () => {
      this.#isLeaving = true;
      if (!this.#session.destroyed) this.#session.destroy();
      onGone();
    });
    this.#session.once("close", () => this.#transport.destroy());
  }

  /** Requests under way. */
  get streamCount(): number {
    return this.#streams;
  }

  /** It takes one more request. */
  get hasRoom(): boolean {
    const limit = this.#session.remoteSettings?.maxConcurrentStreams ?? MAX_STREAMS;
    return !this.#isLeaving && !this.#session.closed && !this.#session.destroyed &&
      this.#streams < Math.min(limit, MAX_STREAMS);
  }

  /** It has served a request: what comes next may find it about to close. */
  get isReused(): boolean {
    return this.#served > 0;
  }

  /**
   * Opens a request, which is written and read as one of HTTP/1.
   *
   * @param authority names the target in place of the request's Host.
   */
  open(name: string, authority: string | undefined, onDone: () => void): TargetStream {
    this.#streams += 1;
    return new TargetStream(name, {
      requestHead: this.#requestHead,
      authority,
      scheme: this.#scheme,
      request: (headers, options) => this.#session.request(headers, options),
      lossOf: () => this.#error,
      onGone: () => {
        this.#streams -= 1;
        this.#served += 1;
        onDone();
        this.#leaveIfIdle();
      },
    });
  }

  #leaveIfIdle(): void {
    if (this.#isLeaving && this.#streams === 0) this.leave();
  }

  /** Lets what is under way end. */
  leave(): void {
    this.#isLeaving = true;
    if (!this.#session.destroyed) this.#session.close();
  }

  close(): void {
    this.#isLeaving = true;
    this.#transport.destroy();
  }
}
