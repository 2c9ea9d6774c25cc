import assert from "node:assert/strict";
import { DialError } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { dial } from "../../lib/transport/dial.ts";
import { listen } from "../../lib/transport/listen.ts";

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

Deno.test("dial() that is given up leaves no connection open", async () => {
  const runtime = createRuntime(silentLog);
  const listener = listen(LOOPBACK, runtime, { onConnection: (connection) => connection.close() });
  const rests: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    const abort = new AbortController();
    const dialled = dial(listener.address, runtime, {
      timeoutMs: 5000,
      signal: abort.signal,
      onGivenUp: (rest) => rests.push(rest),
    });
    if (i % 2 === 0) queueMicrotask(() => abort.abort());
    else setTimeout(() => abort.abort(), 0);
    try {
      (await dialled).close();
    } catch (error) {
      assert.ok(error instanceof DialError);
      assert.match(error.message, /given up/);
    }
  }
  assert.ok(rests.length > 0);
  await Promise.all(rests);
  await listener.close();
  assert.equal(runtime.timers.size, 0);
  runtime.timers.close();
});

Deno.test("dial() with a signal that is aborted already dials nobody", async () => {
  const runtime = createRuntime(silentLog);
  let count = 0;
  const listener = listen(LOOPBACK, runtime, {
    onConnection: (connection) => {
      count += 1;
      connection.close();
    },
  });
  const signal = AbortSignal.abort();
  await assert.rejects(dial(listener.address, runtime, { timeoutMs: 5000, signal }), /given up/);
  assert.equal(count, 0);
  await listener.close();
  runtime.timers.close();
});

Deno.test("dial() says that a port is closed", async () => {
  const runtime = createRuntime(silentLog);
  const listener = listen(LOOPBACK, runtime, { onConnection: (connection) => connection.close() });
  await listener.close();
  await assert.rejects(
    dial(listener.address, runtime, { timeoutMs: 5000 }),
    (error: unknown) => error instanceof DialError && error.failure === "refused",
  );
  runtime.timers.close();
});
