import assert from "node:assert/strict";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { agentConfig } from "../../lib/agent/config.ts";
import { NO_EDGE_RULES } from "../../lib/agent/edge_policy.ts";
import { probeTargets } from "../../lib/agent/probe/probe_targets.ts";
import { parseRequestRule } from "../../lib/agent/request_rule.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import type { Duplex } from "../../lib/duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Step } from "../../lib/step.ts";
import { runCli } from "../cli/run_cli.ts";
import { TestCa, TlsRig } from "../transport/tls_support.ts";
import { Backend, deadAddress, testRuntime } from "./support.ts";

async function probed(
  runtime: Runtime,
  targets: readonly string[],
  rules: readonly string[] = [],
): Promise<Step[]> {
  const config = agentConfig({
    cluster: "edge-a",
    servers: [{ kind: "tcp", host: "127.0.0.1", port: 1 }],
    targets: parseTargets(targets),
    edgeRules: { ...NO_EDGE_RULES, requests: rules.map(parseRequestRule) },
    dialTimeoutMs: 2000,
  });
  const steps: Step[] = [];
  const { signal } = new AbortController();
  for await (const step of probeTargets(config, runtime, signal)) steps.push(step);
  return steps;
}

/** Answers each request with its first line; `seen` keeps those. */
function answering(seen: string[], status = "200 OK") {
  return (connection: Duplex) => {
    connection.attach({
      onData: (bytes) => {
        seen.push(new TextDecoder().decode(bytes).split("\r\n")[0]!);
        connection.write(
          new TextEncoder().encode(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`),
        );
      },
      onEnd: () => connection.end(),
      onDrain() {},
      onClose() {},
    });
  };
}

Deno.test("probeTargets() says what each target answers", async () => {
  using runtime = testRuntime();
  const seen: string[] = [];
  await using web = new Backend(runtime, answering(seen, "404 Not Found"));
  await using ssh = new Backend(runtime, (connection) => {
    connection.attach({ onData() {}, onEnd: () => connection.end(), onDrain() {}, onClose() {} });
    connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
  });
  const dead = await deadAddress(runtime);
  const steps = await probed(runtime, [
    `http://${web.text}`,
    `ssh=${ssh.text}`,
    `gone=127.0.0.1:${dead.port}`,
    `dns=udp://127.0.0.1:${dead.port}`,
  ]);
  assert.deepEqual(steps.map(({ verdict }) => verdict), ["ok", "ok", "fail", "ok"]);
  assert.match(steps[0]!.detail, /^takes connections \([\d.]+ ms\), answers GET \/ with 404 after/);
  assert.deepEqual(seen, ["GET / HTTP/1.1"]);
  assert.match(steps[1]!.detail, /an SSH server answers$/);
  assert.equal(steps[2]!.detail, "connection refused");
  assert.match(steps[2]!.advice!, /start the service/);
  assert.match(steps[3]!.detail, /cannot be known/);
});

Deno.test("probeTargets() asks for nothing that the agent's own rules refuse", async () => {
  using runtime = testRuntime();
  const seen: string[] = [];
  await using web = new Backend(runtime, answering(seen));
  const targets = [web.text, `api=${web.text}`, `in=${web.text}`];
  const rules = ["GET,HEAD:/public/*", "api=POST:/orders", "in=HEAD:/x"];
  const steps = await probed(runtime, targets, rules);
  assert.deepEqual(seen, ["GET /public/ HTTP/1.1", "HEAD /x HTTP/1.1"]);
  assert.deepEqual(steps.map(({ name }) => name), Array(3).fill(["target", "policy"]).flat());
  assert.match(steps[0]!.detail, /answers GET \/public\/ with 200/);
  assert.match(steps[1]!.detail, /^only GET,HEAD:\/public\/\* gets there/);
  assert.match(steps[2]!.detail, /not asked: no rule lets a GET through/);
});

Deno.test("probeTargets() tells protocols apart from what was written", async () => {
  using runtime = testRuntime();
  await using ca = await TestCa.make();
  await using rig = await TlsRig.open([await ca.signFiles("web", ["127.0.0.1"])]);
  await using web = new Backend(runtime, answering([], "400 Bad Request"));
  const h2 = createServer();
  h2.on("session", (session) => session.on("error", () => {}));
  await new Promise<void>((resolve) => h2.listen(0, "127.0.0.1", resolve));
  const { port } = h2.address() as AddressInfo;
  try {
    const [trusted, stranger, plain, grpc, fake] = await probed(runtime, [
      `a=tls://127.0.0.1:${rig.port}?ca=${ca.certFile}`,
      `b=tls://127.0.0.1:${rig.port}`,
      `c=tls://${web.text}`,
      `d=h2c://127.0.0.1:${port}`,
      `e=h2c://${web.text}`,
    ]);
    assert.match(trusted!.detail, /TLS/);
    assert.equal(stranger!.verdict, "fail");
    assert.match(stranger!.advice!, /\?ca=FILE/);
    assert.match(plain!.advice!, /without tls:\/\//);
    assert.match(grpc!.detail, /speaks HTTP\/2$/);
    assert.match(fake!.detail, /does not speak HTTP\/2: a web server answers$/);
  } finally {
    await new Promise<void>((resolve) => h2.close(() => resolve()));
  }
});

Deno.test("revtun probe --targets reads the agent's settings, and exits 1 where one is down", async () => {
  using runtime = testRuntime();
  await using web = new Backend(runtime, answering([]));
  const { port } = await deadAddress(runtime);
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  const write = (targets: readonly string[]) =>
    Deno.writeTextFile(
      file,
      `agent:\n  server_list: ["127.0.0.1:${port}"]\n  cluster: edge-a\n` +
        `  targets: ${JSON.stringify(targets)}\n`,
    );
  try {
    await write([web.text]);
    const good = await runCli(["probe", "--targets", "--config", file, "--json"]);
    assert.equal(good.code, 0, good.stderr);
    const { ok, steps } = JSON.parse(good.stdout);
    assert.equal(ok, true);
    assert.equal(steps[0].step, "target");
    assert.equal(typeof steps[0].first_byte_ms, "number");
    await write([web.text, `gone=127.0.0.1:${port}`]);
    const bad = await runCli(["probe", "--targets", "--config", file]);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /FAIL target +gone=127/);
    // Without --targets it is about the servers.
    const server = await runCli(["probe", "--config", file]);
    assert.equal(server.code, 1);
    assert.match(server.stdout, new RegExp(`^FAIL connect +127.0.0.1:${port} `));
    assert.equal((await runCli(["probe", "--targets"])).code, 2);
    assert.equal((await runCli(["probe"])).code, 2);
  } finally {
    await Deno.remove(file);
  }
});
