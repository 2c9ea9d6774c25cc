/** `revtun server` and `revtun agent` as processes: what they say when something is wrong. */
import assert from "node:assert/strict";
import { outputOfCli, spawnCli } from "./spawn_cli.ts";
import type { CliProcess } from "./spawn_cli.ts";

const LOOPBACK = ["--listen", "tcp://127.0.0.1:0/edge-a", "--tunnel", "127.0.0.1:0"];

interface ServerProcess extends AsyncDisposable {
  process: CliProcess;
  /** Where clients ask. */
  url: string;
  /** Where agents come in. */
  tunnel: string;
}

async function startServer(flags: readonly string[] = LOOPBACK): Promise<ServerProcess> {
  const process = spawnCli(["server", ...flags]);
  const [, tunnel = ""] = await process.printed(/event=tunnel\.listening .*address=(\S+)/);
  const [, client = ""] = await process.printed(/event=frontend\.listening .*\/\/([\d.]+:\d+)/);
  return {
    process,
    url: `http://${client}/`,
    tunnel,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

function startAgent(tunnel: string, flags: readonly string[] = []): CliProcess {
  return spawnCli(["agent", "--server", tunnel, "--cluster", "edge-a", ...flags]);
}

async function fetchText(url: string): Promise<[status: number, text: string]> {
  const response = await fetch(url, { headers: { connection: "close" } });
  return [response.status, await response.text()];
}

Deno.test("the two commands of the README make a tunnel, and both end with 0", async () => {
  await using server = await startServer();
  await using agent = startAgent(server.tunnel);
  await server.process.printed(/event=tunnel\.registered .*cluster=edge-a/);
  const [status, text] = await fetchText(server.url);
  assert.equal(status, 200);
  assert.match(text, /edge-a/);
  for (const process of [agent, server.process]) {
    process.kill("SIGTERM");
    assert.equal((await process.status).code, 0, process.stderr);
    assert.equal(process.stdout, "");
    assert.doesNotMatch(process.stderr, /revtun:|Uncaught|level=error|^ +at /m);
  }
});

Deno.test("an agent outlives its server and finds the next one", async () => {
  await using first = await startServer();
  await using agent = startAgent(first.tunnel, [
    "--reconnect-base",
    "50ms",
    "--reconnect-max",
    "100ms",
  ]);
  await first.process.printed(/event=tunnel\.registered/);
  first.process.kill("SIGKILL");
  await first.process.status;
  await using second = await startServer([LOOPBACK[0]!, LOOPBACK[1]!, "--tunnel", first.tunnel]);
  await second.process.printed(/event=tunnel\.registered/);
  assert.equal((await fetchText(second.url))[0], 200);
  agent.kill("SIGINT");
  assert.equal((await agent.status).code, 0);
});

Deno.test("garbage on the tunnel port closes that connection and nothing else", async () => {
  await using server = await startServer();
  await using _agent = startAgent(server.tunnel);
  await server.process.printed(/event=tunnel\.registered/);
  const [host = "", port = ""] = server.tunnel.split(":");
  for (const garbage of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "\0".repeat(9000)]) {
    using conn = await Deno.connect({ hostname: host, port: Number(port) });
    await conn.write(new TextEncoder().encode(garbage));
    const end = await conn.read(new Uint8Array(64)).catch(() => null);
    assert.equal(end, null);
  }
  assert.equal((await fetchText(server.url))[0], 200);
  assert.doesNotMatch(server.process.stderr, /Uncaught|^ +at /m);
});

Deno.test("a server whose port is in use is one line and exit 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const listen = ["--listen", `tcp://${address}/edge-a`, "--tunnel", "127.0.0.1:0"];
  const tunnel = ["--listen", "tcp://127.0.0.1:0/edge-a", "--tunnel", address];
  for (const flags of [listen, tunnel, [...LOOPBACK, "--admin", address]]) {
    const { code, stdout, stderr } = await outputOfCli(["server", ...flags]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    // Nothing of an end: it has not begun.
    assert.doesNotMatch(stderr, /event=server\.(deaf|stopping)/);
    assert.equal(
      stderr.trimEnd().split("\n").at(-1),
      `revtun: Cannot listen on ${address}: the address is in use by another program`,
    );
  }
});

Deno.test("settings that cannot be are one line that names them, and exit 2", async () => {
  const agent = ["agent", "--cluster", "edge-a"];
  const cases: [string[], RegExp][] = [
    [["server", "--listen", ":70000"], /^revtun: --listen: port 70000 is out of range/],
    [["server", "--tunnel", "nonsense"], /^revtun: --tunnel: /],
    [["server", "--listen", "gopher://:70"], /^revtun: --listen: "gopher" is no scheme/],
    [["server", "--lisen", ":1"], /^revtun: --lisen: unknown flag, did you mean --listen\?/],
    [["server", "--keepalive", "10"], /^revtun: --keepalive: .*did you mean 10s\?/],
    [["server", "--token-file", "/no/such/file"], /^revtun: --token-file: /],
    [["server", "--credential", "magic"], /^revtun: --credential: "magic" is none of /],
    [[...agent], /^revtun: --server: /],
    [["agent", "--server", "127.0.0.1:1"], /^revtun: --cluster: /],
    [[...agent, "--server", "127.0.0.1:70000"], /^revtun: --server: port 70000 is out of range/],
    [[...agent, "--server", "127.0.0.1:1", "--target", "a=b=c"], /^revtun: --target: /],
    [[...agent, "--server", "127.0.0.1:1", "--weight", "99999"], /^revtun: --weight: /],
    [
      [...agent, "--server", "127.0.0.1:1", "--token", "s3cret"],
      /^revtun: --token: .*REVTUN_TOKEN/,
    ],
  ];
  for (const [argv, message] of cases) {
    const { code, stdout, stderr } = await outputOfCli(argv);
    const line = argv.join(" ");
    assert.match(stderr, message, line);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    assert.doesNotMatch(stderr, /s3cret/);
    assert.deepEqual([code, stdout], [2, ""], line);
  }
});

Deno.test("an agent that may try a few times only gives up with one line and exit 1", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${closed.addr.port}`;
  closed.close();
  const { code, stdout, stderr } = await outputOfCli([
    "agent",
    ...["--server", address, "--cluster", "edge-a", "--log-level", "error"],
    ...["--connect-retry-times", "1", "--reconnect-base", "1ms", "--reconnect-max", "1ms"],
  ]);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.equal(
    stderr.trimEnd().split("\n").at(-1),
    `revtun: Gave up dialling: Cannot connect to ${address}: connection refused; ` +
      "revtun probe shows how far it gets",
  );
});

Deno.test("an agent says that its server's name cannot be resolved, and goes on trying", async () => {
  // A label of more than 63 letters is no name: the resolver says so without asking anybody.
  const name = `${"x".repeat(64)}.invalid`;
  await using agent = startAgent(`${name}:9000`);
  const [line] = await agent.printed(/level=warn .*the name cannot be resolved.*/);
  assert.ok(line.includes(name));
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0, agent.stderr);
});

Deno.test("an agent that is refused for good says why and ends with 3", async () => {
  await using server = await startServer([...LOOPBACK, "--cluster", "edge-a"]);
  const { code, stderr } = await outputOfCli(
    ["agent", "--server", server.tunnel, "--cluster", "edge-b", "--log-level", "error"],
  );
  assert.equal(code, 3, stderr);
  assert.match(stderr.trimEnd().split("\n").at(-1)!, /^revtun: .*edge-b/);
});
