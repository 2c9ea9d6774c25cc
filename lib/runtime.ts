/** What every long-lived object of one process needs, handed down instead of kept in globals. */
import { BufferPool } from "./buffer.ts";
import type { Log } from "./log.ts";
import { TimerWheel } from "./timer.ts";
import { turnClock } from "./turn_clock.ts";

/** Clock, timers, buffers, log and chance of one process (or of one test). */
export interface Runtime {
  readonly log: Log;
  readonly timers: TimerWheel;
  readonly pool: BufferPool;
  /** Milliseconds of a clock that never goes back; that of a process stands still within a turn. */
  nowMs(): number;
  /** A number from 0 up to 1, for jitter and balancing; never for secrets. */
  random(): number;
}

/** Makes a runtime of the real clock and chance; `runtime.timers.close()` ends it. */
export function createRuntime(log: Log): Runtime {
  return {
    log,
    timers: new TimerWheel(),
    pool: new BufferPool(),
    nowMs: turnClock(() => performance.now()),
    random: () => Math.random(),
  };
}
