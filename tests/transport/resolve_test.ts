import assert from "node:assert/strict";
import { DialError } from "../../lib/errors.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { resolve } from "../../lib/transport/resolve.ts";

Deno.test("resolve() gives an address as it is and finds this machine", async () => {
  const timers = new TimerWheel();
  assert.deepEqual(await resolve("127.0.0.1", timers, 5000), ["127.0.0.1"]);
  assert.deepEqual(await resolve("::1", timers, 5000), ["::1"]);
  const local = await resolve("localhost", timers, 5000);
  assert.ok(local.includes("127.0.0.1") || local.includes("::1"), String(local));
  assert.equal(timers.size, 0);
  timers.close();
});

Deno.test("resolve() says that a name is unknown", async () => {
  const timers = new TimerWheel();
  // A label of more than 63 letters is refused before any name server is asked.
  await assert.rejects(
    resolve("n".repeat(70), timers, 5000),
    (error: unknown) => error instanceof DialError && error.failure === "unreachable",
  );
  assert.equal(timers.size, 0);
  timers.close();
});
