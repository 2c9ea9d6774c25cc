import assert from "node:assert/strict";
import { runCli } from "./run_cli.ts";
import { outputOfCli, spawnCli } from "./spawn_cli.ts";

Deno.test("revtun demo --once sends its requests through a tunnel and ends with 0", async () => {
  const { code, stdout, stderr } = await runCli(["demo", "--once"]);
  assert.equal(stderr, "");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /agent +edge-a +dialled out: 2 connections to 127\.0\.0\.1:\d+/);
  assert.equal(stdout.match(/^ {2}ok /gm)?.length, 3);
  assert.doesNotMatch(stdout, /FAILED|Ctrl-C/);
});

Deno.test("revtun demo stays up until it is asked to end", async () => {
  await using demo = spawnCli(["demo"]);
  const [, url = ""] = await demo.printed(/ {2}curl (http:\S+)\n/);
  await demo.printed(/Ctrl-C ends it\./);
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /^Hello from the edge/);
  demo.kill("SIGINT");
  assert.equal((await demo.status).code, 0);
  assert.doesNotMatch(demo.stderr, /revtun:|level=error/);
});

Deno.test("a client that never ends does not keep the demo from ending", async () => {
  await using demo = spawnCli(["demo"]);
  const [, url] = await demo.printed(/curl -N (http:\S+)/);
  const client = new AbortController();
  const response = await fetch(url!, { signal: client.signal });
  const reader = response.body!.getReader();
  assert.equal((await reader.read()).done, false);
  demo.kill("SIGTERM");
  assert.equal((await demo.status).code, 0);
  client.abort();
  await reader.closed.catch(() => {});
});

Deno.test("a second signal ends the program at once, an echo of the first does not", async () => {
  for (const isEcho of [false, true]) {
    await using demo = spawnCli(["demo"]);
    const [, url] = await demo.printed(/curl -N (http:\S+)/);
    const client = new AbortController();
    // A stream that does not end: without a second signal the end takes its time.
    const response = await fetch(url!, { signal: client.signal });
    demo.kill("SIGINT");
    if (isEcho) {
      demo.kill("SIGINT");
      client.abort();
    } else {
      await new Promise((resolve) => setTimeout(resolve, 400));
      demo.kill("SIGINT");
    }
    const { code } = await demo.status;
    assert.equal(code, isEcho ? 0 : 130, demo.stderr);
    client.abort();
    await response.body?.cancel().catch(() => {});
  }
});

Deno.test("a port that is in use is one line and exit 1, whoever uses it", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using shared = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
  for (const { addr } of [taken, shared]) {
    const address = `127.0.0.1:${addr.port}`;
    const { code, stdout, stderr } = await outputOfCli(["demo", "--listen", address]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.equal(
      stderr,
      `revtun: Cannot listen on ${address}: the address is in use by another program\n`,
    );
  }
});

Deno.test("addresses that cannot be are usage errors that name their option", async () => {
  const cases: [string[], RegExp][] = [
    [["--listen", "127.0.0.1:70000"], /^revtun: --listen: port 70000 is out of range/],
    [["--listen", "nonsense"], /^revtun: --listen: "nonsense" has no port/],
    [["--tunnel", "::1:9000"], /^revtun: --tunnel: "::1:9000" is an IPv6 address without brackets/],
  ];
  for (const [flags, message] of cases) {
    const { code, stdout, stderr } = await runCli(["demo", "--once", ...flags]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1);
  }
});
