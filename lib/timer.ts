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
 * before. Holds one timeout, and only while a timer is set; it wakes the process at the next tick
 * that has something to do, not at those between.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots = Array.from({ length: SLOTS }, () => new LinkedList<Entry>());
  readonly #nowMs: () => number;
  /** The last tick whose slot was looked at. */
  #tick: number;
  #armed = 0;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** Tick that the timeout is set for; none that is before it has anything in its slot. */
  #wakeTick = Infinity;
  #isClosed = false;

  #coarseTick: number;
  /** It wakes at every tick, for those who ask for the coarse clock. */
  #isTicking = false;
  #isClockAsked = false;

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
   * one costs more than they do. It ticks only while it is asked.
   */
  get coarseNowMs(): number {
    this.#isClockAsked = true;
    if (!this.#isTicking) this.#startTicking();
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

  /** Fires what is due now; called by the timeout, and by tests with a clock of their own. */
  advance(): void {
    const isToTick = this.#isClockAsked;
    try {
      this.#fire();
    } finally {
      this.#rest(isToTick);
    }
  }

  #fire(): void {
    const now = this.#coarseTick = this.#currentTick();
    this.#isTicking = true;
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
  }

  /** Sets the timeout anew once all that is due was fired. */
  #rest(isToTick: boolean): void {
    if (this.#armed === 0) return this.#stop();
    this.#isTicking = isToTick;
    // Who asked while timers fired was told the time of now: that needs no further tick.
    this.#isClockAsked = false;
    this.#wakeAt(isToTick ? this.#tick + 1 : this.#nextTick());
  }

  #startTicking(): void {
    this.#coarseTick = this.#currentTick();
    if (this.#armed === 0) return;
    this.#isTicking = true;
    if (this.#wakeTick > this.#coarseTick + 1) this.#wakeAt(this.#coarseTick + 1);
  }

  /** The next tick with a slot that is not empty; there is one while a timer is set. */
  #nextTick(): number {
    let tick = this.#tick + 1;
    while (this.#slots[tick % SLOTS]!.size === 0) tick += 1;
    return tick;
  }

  #wakeAt(tick: number): void {
    clearTimeout(this.#timeout);
    this.#wakeTick = tick;
    // What is due since the clock was looked at last is due at once.
    const ms = Math.max(0, tick * this.#tickMs - this.#nowMs());
    this.#timeout = setTimeout(() => this.advance(), ms);
  }

  /** Sets `entry`; only for itself. */
  arm(entry: Entry, ms: number): void {
    if (this.#isClosed) return;
    if (this.#timeout === undefined) this.#tick = this.#currentTick();
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
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }

  #stop(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#wakeTick = Infinity;
    this.#isTicking = false;
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
