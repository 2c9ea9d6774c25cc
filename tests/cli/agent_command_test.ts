import assert from "node:assert/strict";
import { FakeServer } from "../agent/fake_server.ts";
import { deadAddress, testRuntime, until } from "../agent/support.ts";
import { runCli } from "./run_cli.ts";

const FAST = ["--reconnect-base", "5ms", "--reconnect-max", "20ms"];

Deno.test("revtun agent registers with what it was told, and ends with 0 when asked to", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const stop = new AbortController();
  const running = runCli([
    "agent",
    "--server",
    `127.0.0.1:${server.address.port}`,
    "--cluster",
    "edge-a",
    "--host-name",
    "till-7",
    "--weight",
    "30",
    "--target",
    "ssh=127.0.0.1:22",
    "--connections",
    "1",
  ], { signal: stop.signal, env: { "REVTUN_TOKEN": "s3cret" } });
  const host = await server.host();
  const { clusterName, hostName, weight, credentialPolicy, credential, hello } = host.info;
  assert.deepEqual(
    { clusterName, hostName, weight, credentialPolicy, credential },
    {
      clusterName: "edge-a",
      hostName: "till-7",
      weight: 30,
      credentialPolicy: "token",
      credential: "s3cret",
    },
  );
  assert.deepEqual(hello?.targets, { ssh: {} });
  assert.match(hello?.software ?? "", /^revtun\/\d/);
  await until("control stream", () => host.control !== undefined);
  stop.abort();
  const result = await running;
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /event=agent\.started/);
  assert.match(result.stderr, /event=tunnel\.connected/);
  assert.ok(!result.stderr.includes("s3cret"));
  await until("the server to see it", () => host.isClosed);
});

Deno.test("agent and probe warn of a credential that goes unencrypted off this machine, in one line", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const stop = new AbortController();
  const env = { "REVTUN_TOKEN": "s3cret" };
  // Which is this machine, too, and no address of loopback.
  const anywhere = `0.0.0.0:${server.address.port}`;
  const running = runCli(
    ["agent", "--server", anywhere, "--cluster", "edge-a", "--connections", "1"],
    { signal: stop.signal, env },
  );
  await server.host();
  stop.abort();
  const { stderr } = await running;
  const warnings = stderr.split("\n").filter((line) => line.includes("credential.exposed"));
  assert.equal(warnings.length, 1, stderr);
  assert.match(warnings[0]!, /level=warn .*unencrypted.*tls:\/\/.*servers=0\.0\.0\.0:\d+$/);
  const probe = await runCli(["probe", anywhere, "--cluster", "edge-a"], { env });
  assert.equal(probe.code, 0, probe.stdout);
  assert.match(probe.stdout, /^WARN credential 0\.0\.0\.0:\d+ .*unencrypted.*\n +dial inside TLS/m);
  assert.ok(!`${stderr}${probe.stdout}${probe.stderr}`.includes("s3cret"));
});

Deno.test("revtun agent ends with 3 and the reason when every server refuses it", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime, { status: 4, hello: { reason: "not declared" } });
  const address = `127.0.0.1:${server.address.port}`;
  const result = await runCli(["agent", "--server", address, "--cluster", "edge-a", ...FAST]);
  assert.equal(result.code, 3);
  assert.match(result.stderr, /revtun: The server refused this agent: no such cluster \(not decl/);
});

Deno.test("revtun agent ends with 1 when its tries are used up", async () => {
  using runtime = testRuntime();
  const { port } = await deadAddress(runtime);
  const result = await runCli([
    "agent",
    "--server",
    `127.0.0.1:${port}`,
    "--cluster",
    "edge-a",
    "--connect-retry-times",
    "1",
    ...FAST,
  ]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /revtun: Gave up dialling: .*connection refused/);
});

Deno.test("revtun agent names the setting that is wrong, and ends with 2", async () => {
  const good = ["--server", "127.0.0.1:1", "--cluster", "edge-a"];
  const cases: [string[], RegExp][] = [
    [["--cluster", "edge-a"], /--server: missing/],
    [["--server", "127.0.0.1:1"], /--cluster: missing/],
    [["--server", "127.0.0.1:70000", "--cluster", "a"], /--server: port 70000/],
    [["--server", "wss://cloud", "--cluster", "a"], /--server: .*host:port or tls:\/\/host:port/],
    [[...good, "--server", "tls://cloud:9000"], /--server: .*in the clear and others are not/],
    [[...good, "--tls-ca", "ca.pem"], /--tls-ca: TLS is off/],
    [[...good, "--tls", "--tls-pin", "sha256:12"], /--tls-pin: .*64 hex digits/],
    [[...good, "--tls", "--tls-cert", "a.pem"], /--tls-cert: needs --tls-key/],
    [[...good, "--tls", "--tls-ca", "/nonexistent/ca.pem"], /ca\.pem: there is no such file/],
    [[...good, "--tls", "--tls-insecure", "--tls-ca", "a"], /--tls-insecure: .*leave one out/],
    [["--server", "127.0.0.1:1", "--cluster", "a b"], /--cluster: "a b" is not a name/],
    [[...good, "--target", "nope"], /--target: "nope" has no port/],
    [[...good, "--target", "tls://127.0.0.1:443?x=1"], /--target: .*unknown or bad setting x/],
    [[...good, "--allow", "10.0.0.0/8"], /--allow: .*expected CIDR:PORTS/],
    [[...good, "--weight", "-1"], /--weight: -1 is too small/],
    [[...good, "--connections", "0"], /--connections: 0 is too small/],
    [[...good, "--mode", "http"], /--mode: "http" is none of/],
    [[...good, "--reconnect-base", "3"], /--reconnect-base: .*did you mean 3s/],
    [[...good, "--token-file", "/nonexistent/token"], /--token-file: .*is not there/],
    [[...good, "--token", "x"], /--token/],
    [[...good, "--proxy", "http://proxy"], /--proxy: no proxy's host and port, expected http/],
    [[...good, "--proxy", "socks4://proxy:1"], /--proxy: a proxy of socks4:\/\/ is not known/],
    [[...good, "--proxy", "http://a:s3cret@proxy:1"], /--proxy: has a password, .*REVTUN_PROXY/],
    [[...good, "--proxy-file", "/nonexistent/proxy"], /--proxy-file: .*is not there/],
    [[...good, "--proxy", "http://p:1", "--proxy-file", "p"], /--proxy-file: --proxy is set too/],
  ];
  for (const [args, message] of cases) {
    const result = await runCli(["agent", ...args]);
    assert.equal(result.code, 2, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, message);
    assert.equal(result.stderr.trim().split("\n").length, 1);
    assert.doesNotMatch(result.stderr, /s3cret/);
  }
});

Deno.test("revtun agent ends with 1 where the server's name is unknown and tries are few", async () => {
  // A label of more than 63 letters is refused before any name server is asked.
  const name = "n".repeat(70);
  const result = await runCli([
    "agent",
    "--server",
    `${name}:9000`,
    "--cluster",
    "edge-a",
    "--connect-retry-times",
    "0",
    ...FAST,
  ]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /revtun: Gave up dialling: .*the name cannot be resolved/);
});
