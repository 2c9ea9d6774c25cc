import assert from "node:assert/strict";
import { NameWatch } from "../../lib/agent/name_watch.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { EventLog, testRuntime, until } from "./support.ts";

function watch(runtime: Runtime, server: string, answers: (string[] | Error)[], retryTimes = -1) {
  const seen: string[] = [];
  let lookups = 0;
  const watch = new NameWatch(parseAddress(server), {
    runtime: { ...runtime, random: () => 0 },
    isResolved: true,
    intervalMs: 1,
    retryBaseMs: 1,
    retryMaxMs: 1,
    retryTimes,
    onGivenUp: () => seen.push("given up"),
    resolve: () => {
      const answer = answers[lookups++] ?? answers.at(-1)!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    onAddresses: (addresses) => seen.push(addresses.map(formatAddress).join(" ")),
  });
  watch.start();
  return { watch, seen, lookups: () => lookups };
}

Deno.test("NameWatch gives an address at once and never looks it up", () => {
  using runtime = testRuntime();
  const { watch: followed, seen, lookups } = watch(runtime, "[::1]:9000", [["10.0.0.1"]]);
  assert.deepEqual(seen, ["[::1]:9000"]);
  assert.equal(lookups(), 0);
  followed.close();
});

Deno.test("NameWatch adds addresses at once and drops them after three lookups without", async () => {
  using runtime = testRuntime();
  const { watch: followed, seen, lookups } = watch(runtime, "cloud:9000", [
    ["10.0.0.1", "10.0.0.2"],
    ["10.0.0.2"],
    ["10.0.0.1", "10.0.0.2"],
    ["10.0.0.2", "10.0.0.3"],
    ["10.0.0.2", "10.0.0.3"],
    ["10.0.0.2", "10.0.0.3"],
  ]);
  await until("lookups", () => lookups() >= 7);
  followed.close();
  assert.deepEqual(seen, [
    "10.0.0.1:9000 10.0.0.2:9000",
    "10.0.0.1:9000 10.0.0.2:9000 10.0.0.3:9000",
    "10.0.0.2:9000 10.0.0.3:9000",
  ]);
});

Deno.test("NameWatch keeps what it knows while lookups fail, and says so once", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  const down = new Error("no name server");
  const { watch: followed, seen, lookups } = watch(runtime, "cloud:9000", [
    ["10.0.0.1"],
    down,
    down,
    down,
    ["10.0.0.1"],
  ]);
  await until("lookups", () => lookups() >= 6);
  followed.close();
  assert.deepEqual(seen, ["10.0.0.1:9000"]);
  assert.equal(log.of("name.failed").length, 1);
  assert.equal(log.of("name.resolved").length, 1);
});

Deno.test("NameWatch that is closed takes no late answer", async () => {
  using runtime = testRuntime();
  const { watch: followed, seen } = watch(runtime, "cloud:9000", [["10.0.0.1"]]);
  followed.close();
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  assert.deepEqual(seen, []);
  assert.equal(runtime.timers.size, 0);
});

Deno.test("NameWatch gives up a name that never resolved, and only such a one", async () => {
  using runtime = testRuntime();
  const down = new Error("no such name");
  const { watch: hopeless, seen, lookups } = watch(runtime, "cloud:9000", [down], 1);
  await until("giving up", () => hopeless.isGivenUp);
  assert.deepEqual(seen, ["given up"]);
  assert.equal(lookups(), 2);
  assert.equal(hopeless.lastError, down);
  assert.equal(runtime.timers.size, 0);
  const known = watch(runtime, "cloud:9000", [["10.0.0.1"], down], 1);
  await until("lookups", () => known.lookups() >= 5);
  assert.ok(!known.watch.isGivenUp);
  known.watch.close();
});
