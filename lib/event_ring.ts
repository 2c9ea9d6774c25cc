/** The latest events of the log, kept for who asks later and told to who listens now. */
import type { Log, LogFields, LogLevel } from "./log.ts";
import { shortened, shortenedFields } from "./log_format.ts";

/** One event as it was logged. */
export interface KeptEvent {
  /** Counts up without gaps: who has seen n asks for what comes after n. */
  readonly id: number;
  /** Wall clock, ms since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  /** `noun.verb` */
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Called with each new event; must not throw. */
export type EventListener = (event: KeptEvent) => void;

/** Bounds of a ring, and where it begins to count. */
export interface EventRingOptions {
  /** Events that are kept, the oldest go first; 1,000 by default. */
  readonly maxEvents?: number;
  /** Listeners at once; 100 by default. */
  readonly maxListeners?: number;
  /**
   * Id of the first event; 1 by default. With the time of the start in ms, the events of a program
   * that was started anew come behind those of the one before: no program logs 1,000 a second ever.
   */
  readonly firstId?: number;
}

/** A bounded memory of events. */
export class EventRing {
  readonly #maxEvents: number;
  readonly #maxListeners: number;
  readonly #events: KeptEvent[] = [];
  readonly #listeners = new Set<EventListener>();
  #lastId: number;

  constructor({ maxEvents = 1000, maxListeners = 100, firstId = 1 }: EventRingOptions = {}) {
    this.#maxEvents = maxEvents;
    this.#maxListeners = maxListeners;
    this.#lastId = firstId - 1;
  }

  /** Id of the latest event; one less than the first will have before it. */
  get lastId(): number {
    return this.#lastId;
  }

  add(event: Omit<KeptEvent, "id">): void {
    const kept = { id: ++this.#lastId, ...event };
    this.#events.push(kept);
    if (this.#events.length > this.#maxEvents) this.#events.shift();
    for (const listener of this.#listeners) listener(kept);
  }

  /** Up to `limit` events after the one of id `afterId`, oldest first. */
  after(afterId: number, limit: number): KeptEvent[] {
    const oldestId = this.#lastId - this.#events.length + 1;
    const start = Math.max(0, afterId + 1 - oldestId);
    return this.#events.slice(start, start + limit);
  }

  /** The last `limit` events, oldest first. */
  latest(limit: number): KeptEvent[] {
    return limit <= 0 ? [] : this.#events.slice(-limit);
  }

  /**
   * Calls `listener` with each event from now on, until the function that is given back is called.
   *
   * @throws {RangeError} there are as many listeners as may be.
   */
  listen(listener: EventListener): () => void {
    if (this.#listeners.size >= this.#maxListeners) {
      throw new RangeError(`${this.#listeners.size} listeners follow the events already`);
    }
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A log that also keeps what it is told, debug events apart, whatever level is written. */
export function keepingLog(log: Log, ring: EventRing): Log {
  return new KeepingLog(log, ring, {});
}

class KeepingLog implements Log {
  readonly #log: Log;
  readonly #ring: EventRing;
  readonly #fields: LogFields;

  constructor(log: Log, ring: EventRing, fields: LogFields) {
    this.#log = log;
    this.#ring = ring;
    this.#fields = fields;
  }

  get isDebug(): boolean {
    return this.#log.isDebug;
  }

  debug(event: string, message: string, fields?: LogFields): void {
    this.#log.debug(event, message, fields);
  }

  info(event: string, message: string, fields?: LogFields): void {
    this.#log.info(event, message, fields);
    this.#keep("info", event, message, fields);
  }

  warn(event: string, message: string, fields?: LogFields): void {
    this.#log.warn(event, message, fields);
    this.#keep("warn", event, message, fields);
  }

  error(event: string, message: string, fields?: LogFields): void {
    this.#log.error(event, message, fields);
    this.#keep("error", event, message, fields);
  }

  child(fields: LogFields): Log {
    return new KeepingLog(this.#log.child(fields), this.#ring, { ...this.#fields, ...fields });
  }

  #keep(level: LogLevel, event: string, message: string, fields: LogFields | undefined): void {
    const all = shortenedFields({ ...this.#fields, ...fields });
    const kept = { timeMs: Date.now(), level, event, message: shortened(message), fields: all };
    this.#ring.add(kept);
  }
}
