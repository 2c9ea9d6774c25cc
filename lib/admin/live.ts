/** A picture of the whole, and what of it changes: written out once for all who watch. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { encodeMessage } from "./event_stream.ts";
import type { EventStreams, Sink } from "./event_stream.ts";
import type { Changes, Picture } from "./live_changes.ts";

const INTERVAL_MS = 1000;

/** Looks at what is watched, and knows what it saw last. */
export interface LiveSource {
  /** Sees what is new since it looked last; all is, after `forget()`. */
  look(): Changes;
  /** The whole, as it was seen last. */
  picture(): Picture;
  forget(): void;
}

/** How a watcher wants to be told: by whole pictures, or by what has changed since the one before. */
export type Telling = "pictures" | "changes";

interface Watcher {
  readonly sink: Sink;
  readonly telling: Telling;
  /** It has missed something: only a picture tells it the rest. */
  isBehind: boolean;
}

/** Tells watchers; costs nothing while there is none. */
export class LiveView {
  readonly #runtime: Runtime;
  readonly #source: LiveSource;
  readonly #watchers = new Set<Watcher>();
  /** What was seen last, for all who have to have the whole of it. */
  #picture: Uint8Array | undefined;
  #timer: Timer | undefined;

  constructor(runtime: Runtime, source: LiveSource) {
    this.#runtime = runtime;
    this.#source = source;
  }

  /** Answers with a stream: a whole picture, then news once a second. @throws {Problem} */
  respond(streams: EventStreams, telling: Telling): Response {
    return streams.respond((sink) => {
      if (this.#watchers.size === 0) this.#source.look();
      const watcher = { sink, telling, isBehind: false };
      this.#watchers.add(watcher);
      // Who comes later begins where the others are: what changes then is the same for all.
      sink.send(this.#whole());
      this.#timer ??= this.#runtime.timers.after(INTERVAL_MS, () => this.#tell());
      return () => {
        this.#watchers.delete(watcher);
        if (this.#watchers.size > 0) return;
        this.#timer?.cancel();
        this.#timer = this.#picture = undefined;
        this.#source.forget();
      };
    });
  }

  #tell(): void {
    this.#timer!.restart(INTERVAL_MS);
    const changes = messageOf("change", this.#source.look());
    this.#picture = undefined;
    for (const watcher of this.#watchers) {
      if (watcher.sink.isBehind) watcher.isBehind = true;
      else if (watcher.telling === "changes" && !watcher.isBehind) watcher.sink.send(changes);
      else {
        watcher.isBehind = false;
        watcher.sink.send(this.#whole());
      }
    }
  }

  #whole(): Uint8Array {
    return this.#picture ??= messageOf("live", this.#source.picture());
  }
}

function messageOf(event: string, data: unknown): Uint8Array {
  return encodeMessage({ event, data: JSON.stringify(data) });
}
