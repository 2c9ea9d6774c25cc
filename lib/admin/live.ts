/** A picture of the whole, and what of it changes: written out once for all who watch. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { encodeMessage } from "./event_stream.ts";
import type { EventStreams, Sink } from "./event_stream.ts";
import type { Changes, Picture } from "./live_changes.ts";

const INTERVAL_MS = 1000;
/** Who comes, leaves or is steered is told at once, but no more often than this. */
const WAKE_MS = 100;

/** Looks at what is watched, and knows what it saw last. */
export interface LiveSource {
  /**
   * Sees what is new since it looked last; all is, after `forget()`. Without figures it is what
   * changes seldom: rates are those of looks with them.
   */
  look(options: { withFigures: boolean }): Changes;
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
  #wake: Timer | undefined;

  constructor(runtime: Runtime, source: LiveSource) {
    this.#runtime = runtime;
    this.#source = source;
  }

  /** Something that changes seldom is another now: watchers are told soon, not at the next second. */
  wake(): void {
    if (this.#watchers.size === 0 || this.#wake !== undefined) return;
    this.#wake = this.#runtime.timers.after(WAKE_MS, () => {
      this.#wake = undefined;
      this.#tell({ withFigures: false });
    });
  }

  /** Answers with a stream: a whole picture, then news once a second. @throws {Problem} */
  respond(streams: EventStreams, telling: Telling): Response {
    return streams.respond((sink) => {
      if (this.#watchers.size === 0) this.#source.look({ withFigures: true });
      const watcher = { sink, telling, isBehind: false };
      this.#watchers.add(watcher);
      // Who comes later begins where the others are: what changes then is the same for all.
      sink.send(this.#whole());
      this.#timer ??= this.#runtime.timers.after(INTERVAL_MS, () => this.#tick());
      return () => {
        this.#watchers.delete(watcher);
        if (this.#watchers.size > 0) return;
        this.#timer?.cancel();
        this.#wake?.cancel();
        this.#timer = this.#wake = this.#picture = undefined;
        this.#source.forget();
      };
    });
  }

  #tick(): void {
    this.#timer!.restart(INTERVAL_MS);
    this.#tell({ withFigures: true });
  }

  #tell(options: { withFigures: boolean }): void {
    const changes = messageOf("change", this.#source.look(options));
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
