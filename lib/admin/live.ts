/** A picture of the whole, told once a second to all who watch: made once, however many they are. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { EventStreams } from "./event_stream.ts";

const INTERVAL_MS = 1000;

/** Tells watchers what `make` gives; costs nothing while there is none. */
export class LiveView {
  readonly #runtime: Runtime;
  readonly #make: () => unknown;
  readonly #watchers = new Set<(data: string) => void>();
  #timer: Timer | undefined;

  constructor(runtime: Runtime, make: () => unknown) {
    this.#runtime = runtime;
    this.#make = make;
  }

  /** Answers with a stream: the picture of now, then one a second. @throws {Problem} */
  respond(streams: EventStreams): Response {
    return streams.respond((send) => {
      const watcher = (data: string) => send({ event: "live", data });
      watcher(JSON.stringify(this.#make()));
      this.#watchers.add(watcher);
      this.#timer ??= this.#runtime.timers.after(INTERVAL_MS, () => this.#tell());
      return () => {
        this.#watchers.delete(watcher);
        if (this.#watchers.size > 0) return;
        this.#timer?.cancel();
        this.#timer = undefined;
      };
    });
  }

  #tell(): void {
    this.#timer!.restart(INTERVAL_MS);
    const data = JSON.stringify(this.#make());
    for (const watcher of this.#watchers) watcher(data);
  }
}
