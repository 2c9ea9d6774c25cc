/** A bucket of bytes a second in a time of its own. */
import { ByteBucket } from "../lib/byte_bucket.ts";
import { TimerWheel } from "../lib/timer.ts";

/** What {@link bucketRig} gives. */
export interface BucketRig {
  readonly bucket: ByteBucket;
  readonly timers: TimerWheel;
  /** Lets time go by, and what is due in it happen. */
  pass(ms: number): Promise<void>;
}

/** A bucket whose clock the test moves. */
export function bucketRig(bytesPerSecond: number): BucketRig {
  let nowMs = 0;
  const timers = new TimerWheel(50, () => nowMs);
  const bucket = new ByteBucket(bytesPerSecond, timers, () => nowMs);
  const pass = async (ms: number) => {
    for (const end = nowMs + ms; nowMs < end;) {
      nowMs = Math.min(end, nowMs + 50);
      timers.advance();
      // Deliveries in memory are microtasks.
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { bucket, timers, pass };
}
