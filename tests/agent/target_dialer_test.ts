import assert from "node:assert/strict";
import { parseAllowRule } from "../../lib/agent/allow.ts";
import { AGENT_DEFAULTS } from "../../lib/agent/config.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { TargetDialer } from "../../lib/agent/target_dialer.ts";
import type { TargetSettings } from "../../lib/agent/target_dialer.ts";
import { DialError } from "../../lib/errors.ts";
import type { DialFailure } from "../../lib/errors.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Backend, deadAddress, EventLog, Reader, shout, testRuntime } from "./support.ts";

const never = new AbortController().signal;

function dialer(runtime: Runtime, settings: Partial<TargetSettings>): TargetDialer {
  return new TargetDialer({ ...AGENT_DEFAULTS, ...settings }, {
    runtime,
    openPage: () => {
      const [ours, page] = memoryPair();
      shout(page);
      return ours;
    },
  });
}

function fails(promise: Promise<unknown>, failure: DialFailure): Promise<void> {
  return assert.rejects(
    promise,
    (error: unknown) => error instanceof DialError && error.failure === failure,
    failure,
  );
}

async function answerOf(dialer: TargetDialer, request: Parameters<TargetDialer["open"]>[0]) {
  const reader = new Reader(await dialer.open(request, never));
  reader.write("hello");
  reader.duplex.end();
  await reader.end();
  await reader.closed();
  return reader.text;
}

Deno.test("TargetDialer reaches the default target, a named one and its own page", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  const targets = parseTargets([backend.text, `shout=${backend.text}`]);
  const both = dialer(runtime, { targets });
  assert.equal(await answerOf(both, {}), "HELLO");
  assert.equal(await answerOf(both, { target: "shout" }), "HELLO");
  await fails(both.open({ target: "Shout" }, never), "noTarget");
  assert.equal(await answerOf(dialer(runtime, {}), { target: "" }), "HELLO");
  assert.equal(both.pendingDials, 0);
});

Deno.test("TargetDialer says why a target cannot be reached", async () => {
  using runtime = testRuntime();
  const { port } = await deadAddress(runtime);
  const one = dialer(runtime, { targets: parseTargets([`127.0.0.1:${port}`]) });
  await fails(one.open({}, never), "refused");
  const none = dialer(runtime, {
    targets: parseTargets([`127.0.0.1:${port}`]),
    maxPendingDials: 0,
  });
  await fails(none.open({}, never), "busy");
  const socket = dialer(runtime, { targets: parseTargets(["unix:/nonexistent/revtun.sock"]) });
  await fails(socket.open({}, never), "refused");
});

Deno.test("TargetDialer dials a destination only where a rule allows every bit of it", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  const { port } = backend.address;
  const allow = [parseAllowRule(`127.0.0.0/8:${port}`)];
  const local = dialer(runtime, { allow });
  assert.equal(await answerOf(local, { destination: `127.0.0.1:${port}` }), "HELLO");
  assert.equal(await answerOf(local, { destination: `localhost:${port}` }), "HELLO");
  assert.equal(await answerOf(local, { destination: `[::ffff:127.0.0.1]:${port}` }), "HELLO");
  for (
    const destination of [
      "127.0.0.1:1",
      `[::1]:${port}`,
      `10.0.0.1:${port}`,
      "127.0.0.1",
      `:${port}`,
      "127.0.0.1:0",
      "127.0.0.1:70000",
      "unix:/run/docker.sock",
      "",
    ]
  ) await fails(local.open({ destination }, never), "notAllowed");
  // A label of more than 63 letters is refused before any name server is asked.
  const noName = "n".repeat(70);
  await fails(local.open({ destination: `${noName}:${port}` }, never), "unreachable");
  await fails(dialer(runtime, {}).open({ destination: `127.0.0.1:${port}` }, never), "notAllowed");
});

Deno.test("TargetDialer does not take a destination for a target's name or the reverse", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  const targets = parseTargets([`web=${backend.text}`]);
  const one = dialer(runtime, { targets });
  await fails(one.open({ target: "web", destination: "127.0.0.1:1" }, never), "notAllowed");
  await fails(one.open({ target: backend.text }, never), "noTarget");
});

Deno.test("TargetDialer logs once that a target fails, and that it is back", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  const { port } = await deadAddress(runtime);
  const one = dialer(runtime, { targets: parseTargets([`127.0.0.1:${port}`]) });
  for (let i = 0; i < 3; i++) await fails(one.open({}, never), "refused");
  assert.equal(log.of("target.failed").length, 1);
  await using _backend = new Backend(runtime, shout, port);
  for (let i = 0; i < 2; i++) assert.equal(await answerOf(one, {}), "HELLO");
  assert.equal(log.of("target.recovered").length, 1);
});
