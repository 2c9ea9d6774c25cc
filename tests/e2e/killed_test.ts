/** Processes that are killed: nobody hangs, nobody gets half an answer for a whole one. */
import assert from "node:assert/strict";
import { testRuntime, until } from "../agent/support.ts";
import { agentProcess, serverProcess } from "./commands.ts";
import { httpBackend } from "./http_backend.ts";
import { HttpClient } from "./http_client.ts";

const BIG = new Uint8Array(64 << 20).fill(120);
const SMALL = new TextEncoder().encode("small");

Deno.test("an agent killed within a download: a cut end, a clean 503, and all is well with the next agent", async () => {
  using runtime = testRuntime();
  await using backend = httpBackend(runtime, (path) => path === "/big" ? BIG : SMALL);
  await using server = await serverProcess(["127.0.0.1:0/edge-a"], ["--hold", "200ms"]);
  const [port] = server.ports;
  await using agent = await agentProcess(server.tunnel, ["--target", backend.text]);
  using client = await HttpClient.connect(port!);
  await client.send("/big");
  let bytes = 0;
  const reading = client.read((piece) => {
    bytes += piece.length;
    if (bytes === piece.length) agent.kill("SIGKILL");
  });
  await assert.rejects(reading, /ended within an answer|reset/i);
  assert.ok(bytes < BIG.length);
  await server.process.printed(/event=tunnel\.closed .*gone=true/);
  using other = await HttpClient.connect(port!);
  assert.equal((await other.text("/small")).status, 503);
  await using _next = await agentProcess(server.tunnel, ["--target", backend.text]);
  assert.deepEqual(await other.text("/small"), { status: 200, text: "small" });
});

Deno.test("a server killed within a download: a cut end, and the agent finds the next server", async () => {
  using runtime = testRuntime();
  await using backend = httpBackend(runtime, (path) => path === "/big" ? BIG : SMALL);
  await using first = await serverProcess(["127.0.0.1:0/edge-a"]);
  await using agent = await agentProcess(first.tunnel, [
    ...["--target", backend.text, "--reconnect-base", "50ms", "--reconnect-max", "100ms"],
  ]);
  using client = await HttpClient.connect(first.ports[0]!);
  await client.send("/big");
  let bytes = 0;
  const reading = client.read((piece) => {
    bytes += piece.length;
    if (bytes === piece.length) first.process.kill("SIGKILL");
  });
  await assert.rejects(reading, /ended within an answer|reset/i);
  // The agent lets go of the target's connection as well.
  await until(
    "the backend's rest",
    () => backend.connections.every(({ queuedBytes }) => queuedBytes === 0),
  );
  await using second = await serverProcess(["127.0.0.1:0/edge-a"], ["--tunnel", first.tunnel]);
  await second.process.printed(/(event=tunnel\.registered [^]*){2}\n/);
  using next = await HttpClient.connect(second.ports[0]!);
  assert.deepEqual(await next.text("/small"), { status: 200, text: "small" });
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0, agent.stderr);
});

const ON_LINUX = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "a server frozen by SIGSTOP is left by its agent, and taken back when it goes on (needs Linux)",
  ON_LINUX,
  async () => {
    using runtime = testRuntime();
    await using backend = httpBackend(runtime, () => SMALL);
    await using server = await serverProcess(["127.0.0.1:0/edge-a"], ["--keepalive", "300ms"]);
    await using agent = await agentProcess(server.tunnel, [
      ...["--target", backend.text, "--keepalive", "300ms", "--connect-timeout", "300ms"],
      ...["--reconnect-base", "50ms", "--reconnect-max", "100ms"],
    ]);
    server.process.kill("SIGSTOP");
    try {
      await agent.printed(/event=tunnel\.lost .*silent/);
    } finally {
      server.process.kill("SIGCONT");
    }
    await agent.printed(/event=tunnel\.lost [^]*event=tunnel\.connected .*connections=2/);
    using client = await HttpClient.connect(server.ports[0]!);
    assert.deepEqual(await client.text("/small"), { status: 200, text: "small" });
  },
);
