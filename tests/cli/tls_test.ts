/** TLS of the commands themselves: what they print, check and refuse. */
import assert from "node:assert/strict";
import { TestCa } from "../transport/tls_support.ts";
import { outputOfCli, spawnCli } from "./spawn_cli.ts";
import type { CliProcess } from "./spawn_cli.ts";

const SERVER = ["server", "--listen", "http://127.0.0.1:0/edge-a", "--tunnel", "127.0.0.1:0"];
const FAST = ["--reconnect-base", "50ms", "--reconnect-max", "100ms", "--connections", "1"];

async function startServer(flags: readonly string[]): Promise<{
  server: CliProcess;
  tunnel: string;
  client: string;
}> {
  const server = spawnCli([...SERVER, ...flags]);
  const [, tunnel = ""] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const [, client = ""] = await server.printed(/event=frontend\.listening .*\/\/([\d.]+:\d+)/);
  return { server, tunnel, client };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { headers: { connection: "close" } });
  await response.body?.cancel();
  return response.status;
}

Deno.test("server --tls auto prints the agent's line, which is all that it takes", async () => {
  await using folder = await TestCa.make();
  const stateDir = `${folder.folder}/state`;
  const auto = ["--tls", "auto", "--state-dir", stateDir];
  const { server, tunnel, client } = await startServer(auto);
  await using _server = server;
  const [line] = await server.printed(/^revtun agent --server \S+ --tls-pin \S+ .*$/m);
  assert.equal((await Deno.stat(`${stateDir}/tunnel.key`)).mode! & 0o777, 0o600);
  const [, ...args] = line.split(" ");
  assert.ok(args.includes(`tls://${tunnel}`));

  await using agent = spawnCli([...args.slice(0, args.indexOf("--target")), ...FAST]);
  await server.printed(/event=tunnel\.registered .*cluster=edge-a/);
  assert.equal(await statusOf(`http://${client}/`), 200);
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0, agent.stderr);

  // Whoever is not the one that was pinned gets nothing of it.
  const pin = args[args.indexOf("--tls-pin") + 1]!;
  const wrong = args.map((arg) => arg === pin ? `sha256:${"0".repeat(64)}` : arg);
  const refused = await outputOfCli([...wrong, ...FAST, "--connect-retry-times", "1"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /which is not the pinned one/);

  // The certificate is kept.
  server.kill("SIGTERM");
  await server.status;
  await using again = spawnCli([...SERVER, ...auto]);
  const [, keptPin] = await again.printed(/--tls-pin (\S+)/);
  assert.equal(keptPin, pin);
  again.kill("SIGTERM");
  await again.status;

  await Deno.chmod(`${stateDir}/tunnel.key`, 0o644);
  const open = await outputOfCli([...SERVER, ...auto]);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /tunnel\.key: others may read it, run: chmod 600/);
});

Deno.test("agents check the server, and show a certificate where it asks for one", async () => {
  await using ca = await TestCa.make();
  await using strangers = await TestCa.make();
  const files = await ca.signFiles("server", ["localhost"]);
  const agentFiles = await ca.signFiles("agent", ["spiffe://corp/agent-1"]);
  const strangerFiles = await strangers.signFiles("agent", ["spiffe://corp/agent-1"]);
  const { server, tunnel } = await startServer([
    ...["--tls-cert", files.cert, "--tls-key", files.key, "--tls-client-ca", ca.certFile],
  ]);
  await using _server = server;
  const port = tunnel.split(":")[1];
  const agent = ["agent", "--cluster", "edge-a", ...FAST, "--server", `tls://localhost:${port}`];
  const trust = ["--tls-ca", ca.certFile];
  const shown = ["--tls-cert", agentFiles.cert, "--tls-key", agentFiles.key];
  {
    await using good = spawnCli([...agent, ...trust, ...shown]);
    await server.printed(/event=tunnel\.registered/);
    good.kill("SIGTERM");
    await good.status;
  }
  const once = ["--connect-retry-times", "0"];
  const cases: [string[], RegExp][] = [
    [shown, /signed by nobody that is trusted here/],
    [[...trust, ...shown, "--tls-server-name", "other.test"], /for another name/],
    [trust, /asks for a client certificate, and none was given|may want another client cert/],
    [
      [...trust, "--tls-cert", strangerFiles.cert, "--tls-key", strangerFiles.key],
      /refuses our certificate|closed/,
    ],
  ];
  for (const [flags, expected] of cases) {
    const { code, stderr } = await outputOfCli([...agent, ...flags, ...once]);
    assert.equal(code, 1, stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, expected);
  }
  await using insecure = spawnCli([...agent, ...shown, "--tls-insecure"]);
  await insecure.printed(/level=error event=tls\.insecure .*The servers are not checked/);
  await insecure.printed(/event=tunnel\.connected/);
  insecure.kill("SIGTERM");
  await insecure.status;
});

Deno.test("a server names what is wrong with its TLS settings, and ends with 2", async () => {
  await using ca = await TestCa.make();
  const files = await ca.signFiles("server", ["localhost"]);
  const other = await ca.signFiles("other", ["localhost"]);
  const cases: [string[], RegExp][] = [
    [["--tls-cert", files.cert], /--tls-cert: needs --tls-key/],
    [["--tls-cert", files.cert, "--tls-key", other.key], /other\.key: is not the key of the cert/],
    [["--tls-client-ca", ca.certFile], /--tls-client-ca: TLS is off/],
    [["--tls", "auto", "--tls-cert", files.cert, "--tls-key", files.key], /--tls: auto makes/],
    [["--tls", "on"], /--tls: "on" is none of auto, off/],
    [["--frontend-cert", files.cert], /--frontend-key: 1 certificates and 0 keys/],
    [["--frontend-client-ca", ca.certFile], /--frontend-client-ca: needs --frontend-cert/],
  ];
  for (const [flags, expected] of cases) {
    const { code, stderr } = await outputOfCli([...SERVER, ...flags]);
    assert.equal(code, 2, `${flags.join(" ")}: ${stderr}`);
    assert.match(stderr.trim(), expected);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});
