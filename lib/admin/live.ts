/** A picture of the whole, told once a second to all who watch: made once, however many they are. */
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import { encodeMessage } from "./event_stream.ts";
import type { EventStreams } from "./event_stream.ts";
import { changesBetween } from "./live_changes.ts";
import type { Picture } from "./live_changes.ts";

const INTERVAL_MS = 1000;

/** Makes pictures. */
export interface LiveSource {
  make(): Picture;
  /** What is away was the same in the two pictures made last. */
  readonly isAwaySame: boolean;
}

/** How a watcher wants to be told: by whole pictures, or by what has changed since the one before. */
export type Telling = "pictures" | "changes";

type Watcher = (message: Uint8Array) => void;

/** Tells watchers; costs nothing while there is none. */
export class LiveView {
  readonly #runtime: Runtime;
  readonly #source: LiveSource;
  readonly #watchers: Readonly<Record<Telling, Set<Watcher>>> = {
    pictures: new Set(),
    changes: new Set(),
  };
  #last: Picture | undefined;
  #timer: Timer | undefined;

  constructor(runtime: Runtime, source: LiveSource) {
    this.#runtime = runtime;
    this.#source = source;
  }

  /** Answers with a stream: a whole picture, then news once a second. @throws {Problem} */
  respond(streams: EventStreams, telling: Telling): Response {
    const watchers = this.#watchers[telling];
    return streams.respond((send) => {
      // Who comes later begins where the others are: what changes then is the same for all.
      this.#last ??= this.#source.make();
      send(messageOf("live", this.#last));
      watchers.add(send);
      this.#timer ??= this.#runtime.timers.after(INTERVAL_MS, () => this.#tell());
      return () => {
        watchers.delete(send);
        if (this.#watchers.pictures.size + this.#watchers.changes.size > 0) return;
        this.#timer?.cancel();
        this.#timer = undefined;
        this.#last = undefined;
      };
    });
  }

  #tell(): void {
    this.#timer!.restart(INTERVAL_MS);
    const before = this.#last!;
    const now = this.#last = this.#source.make();
    const { pictures, changes } = this.#watchers;
    if (changes.size > 0) {
      const news = changesBetween(before, now, this.#source.isAwaySame);
      tell(changes, messageOf("change", news));
    }
    if (pictures.size > 0) tell(pictures, messageOf("live", now));
  }
}

function messageOf(event: string, data: unknown): Uint8Array {
  return encodeMessage({ event, data: JSON.stringify(data) });
}

function tell(watchers: ReadonlySet<Watcher>, message: Uint8Array): void {
  for (const watcher of watchers) watcher(message);
}
