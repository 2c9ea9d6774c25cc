import assert from "node:assert/strict";
import { HopClock, serverTiming } from "../../lib/http/hop_clock.ts";
import type { Upstream } from "../../lib/upstream.ts";

/** What the clock looks at of an upstream. */
function upstream(of: Partial<Upstream>): Upstream {
  return { rttMs: 0, ...of } as Upstream;
}

function clockFrom(headMs: number, routedMs: number): HopClock {
  const clock = new HopClock();
  clock.begin(headMs, routedMs);
  return clock;
}

Deno.test("HopClock takes the agent's dial out of the opening that it is part of", () => {
  const clock = clockFrom(100, 101);
  clock.found(upstream({ opening: { openMs: 30, dialMs: 5 }, rttMs: 20 }), 103);
  clock.answeredMs = 183;
  assert.deepEqual(clock.times(200), {
    frontendMs: 1,
    queueMs: 2,
    tunnelMs: 25,
    dialMs: 5,
    firstByteMs: 50,
  });
});

Deno.test("HopClock knows the tunnel's part of a stream that was there from its pings", () => {
  const clock = clockFrom(100, 100);
  clock.found(upstream({ rttMs: 20 }), 100);
  clock.answeredMs = 150;
  const { tunnelMs, dialMs, firstByteMs } = clock.times(150);
  assert.deepEqual({ tunnelMs, dialMs, firstByteMs }, { tunnelMs: 20, dialMs: 0, firstByteMs: 30 });
});

Deno.test("HopClock never gives a hop more than there was, nor less than nothing", () => {
  const clock = clockFrom(1, 1);
  clock.found(upstream({ opening: { openMs: 10, dialMs: 1000 }, rttMs: 0 }), 1);
  clock.answeredMs = 9;
  assert.deepEqual(clock.times(9), {
    frontendMs: 0,
    queueMs: 0,
    tunnelMs: 0,
    dialMs: 8,
    firstByteMs: 0,
  });
});

Deno.test("HopClock counts all as waiting while there is no stream", () => {
  const clock = clockFrom(0, 1);
  const { queueMs, tunnelMs, firstByteMs } = clock.times(5001);
  assert.deepEqual({ queueMs, tunnelMs, firstByteMs }, {
    queueMs: 5000,
    tunnelMs: 0,
    firstByteMs: 0,
  });
});

Deno.test("serverTiming() writes a field of W3C's Server Timing", () => {
  const times = { frontendMs: 0.1234, queueMs: 0, tunnelMs: 12, dialMs: 0.5, firstByteMs: 3 };
  assert.equal(
    serverTiming(times),
    "Server-Timing: frontend;dur=0.123, queue;dur=0.000, tunnel;dur=12.000, dial;dur=0.500, " +
      "first-byte;dur=3.000",
  );
});
