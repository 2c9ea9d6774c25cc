import assert from "node:assert/strict";
import type { Address } from "../../lib/address.ts";
import { probe } from "../../lib/agent/probe/probe.ts";
import type { ProbeOptions } from "../../lib/agent/probe/probe_options.ts";
import { tokenCredential } from "../../lib/auth/credential_policy.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { BulkReader, BulkSender } from "../../lib/mux/bulk.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { Secret } from "../../lib/secret.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { startServer } from "../../lib/server/server.ts";
import { Throughput } from "../../lib/server/throughput.ts";
import type { ThroughputRule } from "../../lib/server/throughput.ts";
import { FakeServer, FakeStream } from "./fake_server.ts";
import { testRuntime, until } from "./support.ts";

const ON_0 = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

async function measured(runtime: Runtime, server: Address, options: Partial<ProbeOptions> = {}) {
  const all: ProbeOptions = {
    server,
    hostName: "probe",
    credentialPolicy: "",
    credential: undefined,
    software: "revtun/test",
    timeoutMs: 10_000,
    pings: 1,
    hasThroughput: true,
    ...options,
  };
  const steps = await Array.fromAsync(probe(all, runtime, new AbortController().signal));
  return steps.filter(({ name }) => name === "upload" || name === "download");
}

async function withServer(
  runtime: Runtime,
  init: Partial<ServerConfig>,
  body: (address: Address) => Promise<void>,
): Promise<void> {
  const config = serverConfig({ tunnels: [ON_0], ...init });
  const server = await startServer(config, runtime, "revtun/test");
  try {
    await body(server.tunnelAddresses[0]!);
    assert.equal(server.registry.hostCount, 0);
  } finally {
    await server.close(0);
  }
}

Deno.test("probe --throughput measures a second each way, from this machine by default", async () => {
  using runtime = testRuntime();
  await withServer(runtime, {}, async (address) => {
    const steps = await measured(runtime, address);
    assert.deepEqual(steps.map(({ name, verdict }) => [name, verdict]), [
      ["upload", "ok"],
      ["download", "ok"],
    ]);
    for (const { facts, detail } of steps) {
      assert.ok(Number(facts!["bytes"]) > 1 << 20, detail);
      assert.ok(Number(facts!["duration_ms"]) > 500, detail);
      const rate = Number(facts!["bytes"]) / 1000 / Number(facts!["duration_ms"]);
      assert.ok(Math.abs(Number(facts!["mb_per_s"]) - rate) < 0.1, detail);
    }
  });
});

Deno.test("a server measures nothing that it does not let be measured", async () => {
  using runtime = testRuntime();
  await withServer(runtime, { throughput: "off" }, async (address) => {
    const steps = await measured(runtime, address);
    assert.equal(steps.length, 1);
    assert.equal(steps[0]!.verdict, "warn");
    assert.match(steps[0]!.detail, /^not measured: .*--probe-throughput on$/);
  });
  const credentialPolicy = tokenCredential(new Secret("right"));
  await withServer(runtime, { credentialPolicy }, async (address) => {
    assert.deepEqual(await measured(runtime, address), []);
    const known = { credential: new Secret("right"), credentialPolicy: "token" };
    assert.equal((await measured(runtime, address, known)).length, 2);
  });
});

Deno.test("an older server's session outlives the question", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const asking = measured(runtime, server.address);
  const host = await server.host();
  await until("the question", () => host.control !== undefined || host.isClosed);
  host.control!.close();
  const [step] = await asking;
  assert.equal(step!.verdict, "fail");
  assert.match(step!.advice!, /older/);
});

Deno.test("Throughput takes one measurement at a time, and only of who may", async () => {
  using runtime = testRuntime();
  let rule: ThroughputRule = "on";
  const throughput = new Throughput(runtime, () => rule);
  const asked = (isLoopback: boolean, isAuthenticated: boolean) => {
    const [ours, theirs] = memoryPair();
    const asker = { isLoopback, isAuthenticated };
    assert.ok(throughput.take(theirs, { kind: "throughput-up" }, asker));
    return new FakeStream(ours);
  };
  const statusOf = async (stream: FakeStream) => {
    await until("an answer", () => stream.answer !== undefined);
    return stream.answer!.status;
  };
  const first = asked(false, true);
  assert.equal(await statusOf(first), "open");
  const second = asked(false, true);
  assert.equal(await statusOf(second), "busy");
  first.reader.duplex.end();
  await first.reader.end();
  const third = asked(false, true);
  assert.equal(await statusOf(third), "open");
  third.reader.duplex.close();
  await until("the place", async () => await statusOf(asked(true, false)) !== "busy");

  const strangers = asked(false, false);
  assert.equal(await statusOf(strangers), "notAllowed");
  assert.match(strangers.answer!.reason!, /credential/);
  rule = "loopback";
  assert.equal(await statusOf(asked(false, true)), "notAllowed");
  rule = "off";
  assert.equal(await statusOf(asked(true, true)), "notAllowed");
  const [, theirs] = memoryPair();
  const asker = { isLoopback: true, isAuthenticated: true };
  assert.equal(throughput.take(theirs, { kind: "control" }, asker), false);
});

Deno.test("BulkSender ends by bytes or by time, whichever comes first", async () => {
  const sent = async (durationMs: number, maxBytes: number) => {
    const [ours, theirs] = memoryPair();
    const ended = Promise.withResolvers<void>();
    const reader = new BulkReader(() => {
      theirs.end();
      ended.resolve();
    });
    theirs.attach(reader);
    const limits = { durationMs, maxBytes };
    const sender = new BulkSender(ours, limits, () => performance.now(), () => {});
    sender.start();
    await ended.promise;
    assert.equal(reader.receivedBytes, sender.sentBytes);
    return sender.sentBytes;
  };
  assert.equal(await sent(60_000, 1_000_000), 1_000_000);
  assert.ok(await sent(20, Infinity) > 0);
});
