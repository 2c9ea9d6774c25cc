/** Makes the runtimes of a command and ends them after it. */
import { createLog } from "../lib/log.ts";
import type { ClosableLog, LogFormat, LogLevel } from "../lib/log.ts";
import { createRuntime } from "../lib/runtime.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Output } from "./command.ts";

/** Owner of what `Context.createRuntime()` gives out. */
export class RuntimeOwner {
  readonly #stderr: Output;
  readonly #runtimes: Runtime[] = [];
  #level: LogLevel = "info";
  #format: LogFormat = "text";
  #log: ClosableLog | undefined;

  constructor(stderr: Output) {
    this.#stderr = stderr;
  }

  get isDebug(): boolean {
    return this.level === "debug";
  }

  /** Of the log, before and after it is made. */
  get level(): LogLevel {
    return this.#log?.level ?? this.#level;
  }

  set level(level: LogLevel) {
    this.#level = level;
    if (this.#log !== undefined) this.#log.level = level;
  }

  get format(): LogFormat {
    return this.#format;
  }

  set format(format: LogFormat) {
    this.#format = format;
    if (this.#log !== undefined) this.#log.format = format;
  }

  /** Sets how the log of later runtimes looks; the values are checked by the options. */
  configure(options: { level: string; format: string }): void {
    this.#level = options.level as LogLevel;
    this.#format = options.format as LogFormat;
  }

  /** Makes a runtime; all of one command share one log, so that its lines stay in order. */
  createRuntime(): Runtime {
    this.#log ??= createLog({
      level: this.#level,
      format: this.#format,
      isColoured: this.#stderr.isColoured,
      write: (text) => this.#stderr.write(text),
    });
    const runtime = createRuntime(this.#log);
    this.#runtimes.push(runtime);
    return runtime;
  }

  /** Resolves when what was logged has left, or soon after if it cannot. */
  async flush(): Promise<void> {
    await this.#log?.flush();
  }

  async close(): Promise<void> {
    for (const runtime of this.#runtimes) runtime.timers.close();
    await this.#log?.close();
  }
}
