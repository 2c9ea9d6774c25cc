/**
 * Deadlines by the thousand: a wheel of coarse ticks, since one `setTimeout` per request is dear
 * and most deadlines are cancelled long before they pass.
 */

import { LinkedList } from "./linked_list.ts";
import type { Linked } from "./linked_list.ts";

/** A deadline that can be moved or taken back. */
export interface Timer {
  /** Takes the deadline back; no harm if it has passed. */
  cancel(): void;
  /** Sets it anew, `ms` from now; also after it passed or was cancelled. */
  restart(ms: number): void;
}

const SLOTS = 256;

/**
 * Timers with a resolution of `tickMs`: they fire at their time or up to two ticks later, never
 * before. Holds one interval, and only while a timer is set.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots = Array.from({ length: SLOTS }, () => new LinkedList<Entry>());
  readonly #nowMs: () => number;
  #tick: number;
  #coarseTick: number;
  #armed = 0;
  #interval: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /**
   * @param tickMs resolution, 50 ms by default.
   * @param nowMs a clock that never goes back.
   */
  constructor(tickMs = 50, nowMs: () => number = () => performance.now()) {
    this.#tickMs = tickMs;
    this.#nowMs = nowMs;
    this.#tick = this.#coarseTick = this.#currentTick();
  }

  /** Timers that are set now. */
  get size(): number {
    return this.#armed;
  }

  /**
   * The clock as of the last tick, for who sets deadlines by the thousand a second: asking the real
   * one costs more than they do. Kept up only while a timer is set.
   */
  get coarseNowMs(): number {
    return this.#coarseTick * this.#tickMs;
  }

  /** Calls `run` once, `ms` from now, unless cancelled. */
  after(ms: number, run: () => void): Timer {
    const entry = new Entry(this, run);
    this.arm(entry, ms);
    return entry;
  }

  /** Forgets all timers; none fires after this, and none can be set. */
  close(): void {
    this.#isClosed = true;
    for (const slot of this.#slots) {
      for (const entry of slot) {
        slot.remove(entry);
        entry.dueTick = entry.slot = -1;
      }
    }
    this.#armed = 0;
    this.#stop();
  }

  /** Fires what is due now; called by the interval, and by tests with a clock of their own. */
  advance(): void {
    const now = this.#coarseTick = this.#currentTick();
    // After a long stall every slot is visited once at most: what is overdue is found in any case.
    const first = Math.max(this.#tick + 1, now - SLOTS + 1);
    for (let tick = first; tick <= now; tick++) {
      this.#tick = tick;
      const slot = this.#slots[tick % SLOTS]!;
      // Nothing is placed in the slot of the tick itself, so it is empty in the end.
      for (let entry = slot.first; entry !== undefined; entry = slot.first) {
        slot.remove(entry);
        if (entry.dueTick > now) {
          // A restart only moves dueTick; the entry is carried on when its old slot comes up.
          this.#place(entry);
          continue;
        }
        entry.dueTick = entry.slot = -1;
        this.#armed -= 1;
        entry.run();
      }
    }
    if (this.#armed === 0) this.#stop();
  }

  /** Sets `entry`; only for itself. */
  arm(entry: Entry, ms: number): void {
    if (this.#isClosed) return;
    if (this.#interval === undefined) {
      this.#tick = this.#coarseTick = this.#currentTick();
      this.#interval = setInterval(() => this.advance(), this.#tickMs);
    }
    const wasDueTick = entry.dueTick;
    entry.dueTick = Math.floor((this.#nowMs() + ms) / this.#tickMs) + 1;
    if (entry.slot === -1) {
      this.#armed += 1;
      this.#place(entry);
    } else if (entry.dueTick < wasDueTick) {
      this.#slots[entry.slot]!.remove(entry);
      this.#place(entry);
    }
  }

  /** Takes `entry` back; only for itself. */
  disarm(entry: Entry): void {
    if (entry.slot === -1) return;
    this.#slots[entry.slot]!.remove(entry);
    entry.dueTick = entry.slot = -1;
    this.#armed -= 1;
    if (this.#armed === 0) this.#stop();
  }

  #currentTick(): number {
    return Math.floor(this.#nowMs() / this.#tickMs);
  }

  /** Puts `entry`, which is in no slot, where it is looked at next. */
  #place(entry: Entry): void {
    // A deadline beyond one turn of the wheel waits in the farthest slot and is carried on from there.
    const tick = Math.min(entry.dueTick, this.#tick + SLOTS - 1);
    entry.slot = tick % SLOTS;
    this.#slots[entry.slot]!.append(entry);
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}

class Entry implements Timer, Linked<Entry> {
  readonly run: () => void;
  /** Tick on which it is due, or -1 while not set. */
  dueTick = -1;
  /** Slot that holds it, which may be an earlier stop on the way to its due tick; -1 for none. */
  slot = -1;
  previous: Entry | undefined;
  next: Entry | undefined;
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, run: () => void) {
    this.#wheel = wheel;
    this.run = run;
  }

  cancel(): void {
    this.#wheel.disarm(this);
  }

  restart(ms: number): void {
    this.#wheel.arm(this, ms);
  }
}
