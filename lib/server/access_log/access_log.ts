/** The access log: a line for each request and each connection, that costs little and blocks nobody. */
import type { WatchedRequest } from "../../http/watched_request.ts";
import type { Runtime } from "../../runtime.ts";
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
export interface AccessLogOptions {
  readonly output: AccessLogOutput;
  readonly format: "common" | "json";
  /** Share of the requests that are written, 0 to 1; those that went wrong are written always. */
  readonly sample: number;
  readonly runtime: Runtime;
}

/** Bytes that a line has beside the parts of the client's head. */
const OTHER_BYTES = 4096;

/** Writes lines as its options say; `await using` closes it. */
export class AccessLog implements TrafficWatcher, AsyncDisposable {
  readonly isOn = true;
  readonly #options: AccessLogOptions;
  readonly #format: AccessFormat;
  readonly #lines: LineBuffer;
  /** From the runtime's clock to the wall's, taken anew each second. */
  #offsetMs = 0;
  #offsetUntilMs = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#format = options.format === "json" ? new JsonFormat() : new CommonFormat();
    const { log, timers } = options.runtime;
    this.#lines = new LineBuffer({
      timers,
      write: (bytes) => options.output.write(bytes),
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
    this.#format.request(this.#lines, request, this.#wallMs(request.clock.headMs, request.endedMs));
    this.#lines.finish();
  }

  connectionEnded(connection: WatchedConnection): void {
    if (connection.error === undefined && !this.#isSampled()) return;
    const startMs = this.#wallMs(connection.startedMs, connection.endedMs);
    if (!this.#lines.begin(OTHER_BYTES)) return;
    this.#format.connection(this.#lines, connection, startMs);
    this.#lines.finish();
  }

  /** Opens its file anew: the one before was renamed. Never rejects; logs what goes wrong. */
  async reopen(): Promise<void> {
    const { output, runtime } = this.#options;
    await this.#lines.flush();
    try {
      await output.reopen?.();
      runtime.log.info("access_log.reopened", "The access log's file was opened anew");
    } catch (error) {
      const detail = (error as Error).message;
      runtime.log.error(
        "access_log.not_reopened",
        `The access log goes on where it was, its file cannot be opened anew: ${detail}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.close();
    this.#options.output.close?.();
  }

  #isSampled(): boolean {
    const { sample, runtime } = this.#options;
    return sample >= 1 || runtime.random() < sample;
  }

  #wallMs(ms: number, nowMs: number): number {
    if (nowMs >= this.#offsetUntilMs) {
      this.#offsetUntilMs = nowMs + 1000;
      this.#offsetMs = Date.now() - this.#options.runtime.nowMs();
    }
    return ms + this.#offsetMs;
  }
}
