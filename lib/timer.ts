/**
 * Deadlines by the thousand: a wheel of coarse ticks, since one `setTimeout` per request is dear
 * and most deadlines are cancelled long before they pass.
 */

/** A deadline that can be moved or taken back. */
export interface Timer {
  /** Takes the deadline back; no harm if it has passed. */
  cancel(): void;
  /** Sets it anew, `ms` from now; also after it passed or was cancelled. */
  restart(ms: number): void;
}

interface Entry extends Timer {
  run: () => void;
  /** Tick on which it is due, or -1 while not set. */
  dueTick: number;
  /** Slot that holds it, which may be an earlier stop on the way to its due tick; -1 for none. */
  slot: number;
}

const SLOTS = 256;

/**
 * Timers with a resolution of `tickMs`: they fire at their time or up to two ticks later, never
 * before. Holds one interval, and only while a timer is set.
 */
export class TimerWheel {
  readonly #tickMs: number;
  readonly #slots: Set<Entry>[] = Array.from({ length: SLOTS }, () => new Set());
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
    const entry: Entry = {
      run,
      dueTick: -1,
      slot: -1,
      cancel: () => this.#disarm(entry),
      restart: (newMs) => this.#arm(entry, newMs),
    };
    this.#arm(entry, ms);
    return entry;
  }

  /** Forgets all timers; none fires after this, and none can be set. */
  close(): void {
    this.#isClosed = true;
    for (const slot of this.#slots) {
      for (const entry of slot) entry.dueTick = entry.slot = -1;
      slot.clear();
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
      for (const entry of slot) {
        if (entry.slot !== tick % SLOTS) continue;
        if (entry.dueTick > now) {
          // A restart only moves dueTick; the entry is carried on when its old slot comes up.
          this.#place(entry, slot);
          continue;
        }
        slot.delete(entry);
        entry.dueTick = entry.slot = -1;
        this.#armed -= 1;
        entry.run();
      }
    }
    if (this.#armed === 0) this.#stop();
  }

  #currentTick(): number {
    return Math.floor(this.#nowMs() / this.#tickMs);
  }

  #arm(entry: Entry, ms: number): void {
    if (this.#isClosed) return;
    if (this.#interval === undefined) {
      this.#tick = this.#coarseTick = this.#currentTick();
      this.#interval = setInterval(() => this.advance(), this.#tickMs);
    }
    const wasDueTick = entry.dueTick;
    entry.dueTick = Math.floor((this.#nowMs() + ms) / this.#tickMs) + 1;
    if (entry.slot === -1) {
      this.#armed += 1;
      this.#place(entry, undefined);
    } else if (entry.dueTick < wasDueTick) {
      this.#place(entry, this.#slots[entry.slot]);
    }
  }

  #place(entry: Entry, from: Set<Entry> | undefined): void {
    from?.delete(entry);
    // A deadline beyond one turn of the wheel waits in the farthest slot and is carried on from there.
    const tick = Math.min(entry.dueTick, this.#tick + SLOTS - 1);
    entry.slot = tick % SLOTS;
    this.#slots[entry.slot]!.add(entry);
  }

  #disarm(entry: Entry): void {
    if (entry.slot === -1) return;
    this.#slots[entry.slot]!.delete(entry);
    entry.dueTick = entry.slot = -1;
    this.#armed -= 1;
    if (this.#armed === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}
