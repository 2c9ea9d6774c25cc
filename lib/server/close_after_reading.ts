/** The last words to a peer: they must not be lost by a reset over what it still sends. */
import type { Duplex } from "../duplex.ts";
import type { TimerWheel } from "../timer.ts";

/** Ends our side, and closes once the peer has ended its own or `lingerMs` have passed. */
export function closeAfterReading(duplex: Duplex, timers: TimerWheel, lingerMs: number): void {
  const linger = timers.after(lingerMs, () => duplex.close());
  duplex.attach({
    onData() {},
    onDrain() {},
    onEnd: () => duplex.close(),
    onClose: () => linger.cancel(),
  });
  duplex.end();
  duplex.resume();
}
