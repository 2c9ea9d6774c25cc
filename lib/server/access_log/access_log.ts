/** The access log: a line for each request and each connection, that costs little and blocks nobody. */
import type { WatchedRequest } from "../../http/watched_request.ts";
import type { Runtime } from "../../runtime.ts";
import { WallClock } from "../../wall_clock.ts";
import type { TrafficWatcher, WatchedConnection } from "../traffic_watch.ts";
import { CommonFormat } from "./common_format.ts";
import { MAX_ESCAPE_BYTES } from "./escapes.ts";
import type { AccessFormat } from "./format.ts";
import { JsonFormat } from "./json_format.ts";
import { LineBuffer } from "./line_buffer.ts";

/** Where its bytes go. */
export interface AccessLogOutput {
  /** Appends all of `bytes`, which are not kept. */
  write(bytes: Uint8Array): Promise<void>;
  /** Opens anew what was opened by a name, after it was renamed; what there is goes on till then. */
  reopen?(): Promise<void>;
  close?(): void;
}

/** How it is written. */
export interface AccessLogSettings {
  /** Closed by the log; undefined for none, which writes nothing. */
  readonly output: AccessLogOutput | undefined;
  readonly format: "common" | "json";
  /** Share of the requests that are written, 0 to 1; those that went wrong are written always. */
  readonly sample: number;
}

/** Bytes that a line has beside the parts of the client's head. */
const OTHER_BYTES = 4096;

/** Writes lines as its options say; `await using` closes it. */
export class AccessLog implements TrafficWatcher, AsyncDisposable {
  #settings: AccessLogSettings;
  readonly #runtime: Runtime;
  #format: AccessFormat;
  readonly #lines: LineBuffer;
  /** What is done with its output, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isOn: boolean;
  #isClosed = false;
  readonly #wallClock: WallClock;

  constructor(settings: AccessLogSettings, runtime: Runtime) {
    this.#settings = settings;
    this.#runtime = runtime;
    this.#wallClock = new WallClock(() => runtime.nowMs());
    this.#isOn = settings.output !== undefined;
    this.#format = formatOf(settings);
    const { log, timers } = runtime;
    this.#lines = new LineBuffer({
      timers,
      // Nothing is written without one: its last lines went before it did.
      write: (bytes) => this.#settings.output?.write(bytes) ?? Promise.resolve(),
      onFailure: (error) => {
        if (error === undefined) {
          log.info("access_log.recovered", "The access log is written again", {
            lost_lines: this.droppedCount,
          });
        } else {
          log.error("access_log.failed", `The access log cannot be written: ${error.message}`);
        }
      },
    });
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Lines that were lost: they could not be written, or not fast enough. */
  get droppedCount(): number {
    return this.#lines.droppedCount;
  }

  requestEnded(request: WatchedRequest): void {
    const isFine = request.status !== 0 && request.status < 500 && request.isWhole &&
      request.code === undefined;
    if (isFine && !this.#isSampled()) return;
    const { target, host, referer, userAgent, requestId } = request;
    const headBytes = target.length + host.length + referer.length + userAgent.length +
      requestId.length;
    if (!this.#lines.begin(OTHER_BYTES + headBytes * MAX_ESCAPE_BYTES)) return;
    this.#format.request(
      this.#lines,
      request,
      this.#wallClock.of(request.clock.headMs, request.endedMs),
    );
    this.#lines.finish();
  }

  connectionEnded(connection: WatchedConnection): void {
    if (connection.error === undefined && !this.#isSampled()) return;
    const startMs = this.#wallClock.of(connection.startedMs, connection.endedMs);
    if (!this.#lines.begin(OTHER_BYTES)) return;
    this.#format.connection(this.#lines, connection, startMs);
    this.#lines.finish();
  }

  /** Opens its file anew: the one before was renamed. Never rejects; logs what goes wrong. */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      const { output } = this.#settings;
      if (output === undefined) return;
      const { log } = this.#runtime;
      await this.#lines.flush();
      try {
        await output.reopen?.();
        log.info("access_log.reopened", "The access log's file was opened anew");
      } catch (error) {
        const detail = (error as Error).message;
        log.error(
          "access_log.not_reopened",
          `The access log goes on where it was, its file cannot be opened anew: ${detail}`,
        );
      }
    });
  }

  /**
   * Writes as `settings` say, from when the output of before has taken the lines that were made for
   * it; that one is closed if it is another one. Resolves then, and never rejects.
   */
  configure(settings: AccessLogSettings): Promise<void> {
    return this.#inTurn(async () => {
      const { output: before } = this.#settings;
      const { output } = settings;
      // Else its last lines would have nowhere to go.
      if (output === undefined) this.#isOn = false;
      await this.#lines.flush(() => {
        if (this.#isClosed) return;
        this.#settings = settings;
        this.#format = formatOf(settings);
        this.#isOn = output !== undefined;
      });
      if (output !== before) (this.#isClosed ? output : before)?.close?.();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Not in turn: an output that takes nothing must not hold it up.
    await this.#lines.close();
    this.#isClosed = true;
    this.#settings.output?.close?.();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#work = this.#work.then(work);
  }

  #isSampled(): boolean {
    const { sample } = this.#settings;
    return sample >= 1 || this.#runtime.random() < sample;
  }
}

function formatOf({ format }: AccessLogSettings): AccessFormat {
  return format === "json" ? new JsonFormat() : new CommonFormat();
}
