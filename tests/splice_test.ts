import assert from "node:assert/strict";
import { memoryPair } from "../lib/memory_duplex.ts";
import { splice } from "../lib/splice.ts";
import { Reader, testRuntime, until } from "./agent/support.ts";

Deno.test("splice() passes bytes and ends each way by itself", async () => {
  using runtime = testRuntime();
  const [client, left] = memoryPair();
  const [right, target] = memoryPair();
  const closed = Promise.withResolvers<Error | undefined>();
  const counts = splice(left, right, { timers: runtime.timers, onClose: closed.resolve });
  const [near, far] = [new Reader(client), new Reader(target)];
  near.write("question");
  client.end();
  assert.equal(await far.textWith("question"), "question");
  await far.end();
  far.write("an answer after the end");
  assert.equal(await near.textWith("end"), "an answer after the end");
  target.end();
  assert.equal(await closed.promise, undefined);
  assert.deepEqual([counts.forwardBytes, counts.backwardBytes], [8, 23]);
});

Deno.test("splice() closes both sides when one is closed from our end, half-closed or not", async () => {
  for (const isHalfClosed of [false, true]) {
    using runtime = testRuntime();
    const [client, left] = memoryPair();
    const [right, target] = memoryPair();
    const closed = Promise.withResolvers<Error | undefined>();
    splice(left, right, { timers: runtime.timers, onClose: closed.resolve });
    new Reader(client);
    const far = new Reader(target);
    if (isHalfClosed) {
      client.end();
      await far.end();
    }
    left.close();
    await closed.promise;
    await until("the target's close", () => far.isClosed);
  }
});

Deno.test("splice() closes both sides when nothing passes", async () => {
  using runtime = testRuntime();
  const [client, left] = memoryPair();
  const [right, target] = memoryPair();
  const closed = Promise.withResolvers<Error | undefined>();
  splice(left, right, { timers: runtime.timers, idleTimeoutMs: 60, onClose: closed.resolve });
  const ends = [new Reader(client), new Reader(target)];
  assert.match(String(await closed.promise), /Nothing passed for 60 ms/);
  for (const end of ends) await end.closed();
  assert.equal(runtime.timers.size, 0);
});

Deno.test("splice() tells of the next bytes from the second stream once, or that none will come", async () => {
  using runtime = testRuntime();
  const [client, left] = memoryPair();
  const [right, target] = memoryPair();
  const closed = Promise.withResolvers<Error | undefined>();
  const joined = splice(left, right, { timers: runtime.timers, onClose: closed.resolve });
  const [near, far] = [new Reader(client), new Reader(target)];
  const told: boolean[] = [];
  joined.awaitBackward((hasCome) => told.push(hasCome));
  near.write("question");
  await far.textWith("question");
  assert.deepEqual([told, joined.isAwaited], [[], true]);
  far.write("one");
  await near.textWith("one");
  far.write("two");
  await near.textWith("two");
  assert.deepEqual([told, joined.isAwaited], [[true], false]);
  joined.awaitBackward((hasCome) => told.push(hasCome));
  client.close();
  await closed.promise;
  joined.awaitBackward((hasCome) => told.push(hasCome));
  assert.deepEqual(told, [true, false, false]);
});
