import assert from "node:assert/strict";
import { keysOf } from "../../cmd/read_keys.ts";
import { Secret } from "../../lib/secret.ts";
import { adminRig } from "../admin/rig.ts";
import { runCli } from "./run_cli.ts";
import { spawnCli } from "./spawn_cli.ts";

Deno.test("revtun status shows hosts and those that are away", async () => {
  await using rig = await adminRig();
  const admin = ["--admin", rig.url.slice("http://".length)];
  const empty = await runCli(["status", ...admin]);
  assert.equal(empty.code, 0);
  assert.match(empty.stdout, /0 hosts in 0 clusters.*\n\nNo host is connected/);

  await rig.join("till-7");
  const agent = await rig.join("till-8");
  await agent.close();
  await rig.until(() => rig.server.registry.hostCount === 1);
  const { code, stdout } = await runCli(["status", ...admin]);
  assert.equal(code, 0);
  assert.match(stdout, /^revtun\/test, up \d+s: 1 host in 1 cluster, 1 connection; /);
  assert.match(stdout, /\nHOST +STATE +WEIGHT .*\nedge-a\/till-7 +active +10 +1 /);
  assert.match(stdout, /\nAway:\nHOST .*\nedge-a\/till-8 +\d+s ago +1 +drained\n$/);

  const json = JSON.parse((await runCli(["status", "--json", ...admin])).stdout);
  assert.deepEqual([json.hosts.length, json.away.length], [1, 1]);
  const other = await runCli(["status", "--cluster", "nope", ...admin]);
  assert.deepEqual([other.code, other.stderr], [1, 'revtun: There is no cluster "nope"\n']);
});

Deno.test("revtun drain, undrain, weight and disconnect change one host", async () => {
  await using rig = await adminRig();
  const env = { REVTUN_ADMIN: rig.url.slice("http://".length) };
  await rig.join("till-7");
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runCli(argv, { env });
    return `${code} ${stdout}${stderr}`;
  };
  assert.equal(
    await run("drain", "edge-a/till-7"),
    "0 edge-a/till-7 takes no new work; 0 requests are under way\n",
  );
  assert.equal(
    await run("drain", "edge-a/till-7"),
    "0 edge-a/till-7 takes no new work; 0 requests are under way\n",
  );
  assert.equal(await run("undrain", "edge-a/till-7"), "0 edge-a/till-7 takes work again\n");
  assert.equal(
    await run("weight", "edge-a/till-7"),
    "0 edge-a/till-7 has weight 10, as its agent asks for\n",
  );
  assert.equal(
    await run("weight", "edge-a/till-7", "30"),
    "0 edge-a/till-7 has weight 30, set by an operator\n",
  );
  assert.equal(
    await run("weight", "edge-a/till-7", "own"),
    "0 edge-a/till-7 has weight 10, as its agent asks for\n",
  );
  assert.match(
    await run("disconnect", "edge-a/till-7"),
    /^0 edge-a\/till-7 was cut off: 1 connection closed\n$/,
  );
  assert.equal(
    await run("weight", "edge-a/till-7", "many"),
    '2 revtun: WEIGHT: "many" is no weight, expected 0 to 10000 or own\n',
  );
  assert.equal(
    await run("drain", "till-7"),
    '2 revtun: "till-7": names no host, expected CLUSTER/HOST as revtun status shows it\n',
  );
  assert.equal(
    await run("drain", "edge-a/till-9"),
    '1 revtun: Cluster "edge-a" has no host "till-9" connected now, did you mean till-7?\n',
  );

  const agent = await rig.join("till-8");
  await agent.close();
  await rig.until(() => rig.server.departures.away().length === 1);
  assert.equal(
    await run("drain", "edge-a/till-8"),
    "0 edge-a/till-8 is away; it takes no new work when it is back\n",
  );
  assert.match(
    await run("status"),
    /edge-a\/till-8 +\d+s ago +1 +drained; drained by an operator\n/,
  );
  assert.equal(
    await run("undrain", "edge-a/till-8"),
    "0 edge-a/till-8 is away; it takes work when it is back\n",
  );
  assert.equal(
    await run("weight", "edge-a/till-8", "30"),
    "0 edge-a/till-8 is away; weight 30 counts when it is back\n",
  );
  assert.equal(
    await run("weight", "edge-a/till-8", "own"),
    "0 edge-a/till-8 is away; its agent's weight counts when it is back\n",
  );
  assert.equal(
    await run("disconnect", "edge-a/till-8"),
    '1 revtun: Host "till-8" of cluster "edge-a" is away\n',
  );
});

Deno.test("revtun log-level shows the level and changes it", async () => {
  await using rig = await adminRig();
  const env = { REVTUN_ADMIN: rig.url.slice("http://".length) };
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runCli(["log-level", ...argv], { env });
    return `${code} ${stdout}${stderr}`;
  };
  assert.equal(await run(), "0 info\n");
  assert.equal(await run("debug"), "0 debug\n");
  assert.equal(rig.source.logLevel, "debug");
  assert.equal(await run("--json"), '0 {"level":"debug"}\n');
  assert.match(await run("inof"), /^2 revtun: LEVEL: "inof" is no level, .*did you mean info\?\n$/);
});

Deno.test("revtun events shows what happened, as text and as JSON, and follows", async () => {
  await using rig = await adminRig();
  const admin = ["--admin", rig.url.slice("http://".length)];
  await rig.join("till-7");
  const text = await runCli(["events", ...admin]);
  assert.match(text.stdout, /level=info event=tunnel\.registered .* cluster=edge-a host=till-7/);
  const json = await runCli(["events", "--json", "--limit", "1", ...admin]);
  assert.equal(JSON.parse(json.stdout).event, "tunnel.registered");

  await using following = spawnCli(["events", "-f", "--json", ...admin]);
  await following.printed(/"event":"tunnel\.registered".*\n/);
  rig.runtime.log.info("a.b", "Something");
  await following.printed(/"event":"a\.b".*\n/);
  following.kill("SIGTERM");
  assert.equal((await following.status).code, 0);
  assert.equal(following.stderr, "");
});

Deno.test("revtun events --follow goes on when the endpoint is back, with what it missed", async () => {
  await using rig = await adminRig();
  const admin = ["--admin", rig.url.slice("http://".length)];
  rig.runtime.log.info("a.first", "First");
  await using following = spawnCli(["events", "-f", "--json", "--limit", "1", ...admin]);
  await following.printed(/"event":"a\.first".*\n/);
  const startAgain = await rig.stopAdmin();
  // More than the command asks for at its start.
  for (let n = 0; n < 5; n++) rig.runtime.log.info("a.missed", "Missed", { n });
  await startAgain();
  rig.runtime.log.info("a.last", "Last");
  await following.printed(/"event":"a\.last".*\n/);
  const events = following.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event, fields }) => `${event} ${fields.n ?? ""}`.trim()),
    ["a.first", ...[0, 1, 2, 3, 4].map((n) => `a.missed ${n}`), "admin.listening", "a.last"],
  );
  following.kill("SIGTERM");
  assert.equal((await following.status).code, 0);
  assert.match(
    following.stderr,
    /^revtun: 127\.0\.0\.1:\d+ has ended; asking anew each second\nrevtun: it answers again\n$/,
  );
});

Deno.test("commands name what answers where no admin endpoint is, and wait for nobody", async () => {
  const answers: Record<string, () => Response> = {
    "a web page": () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    "an object": () => Response.json({}),
    "null": () => Response.json(null),
    "a list of others": () => Response.json({ items: [{}] }),
    "a stream of others": () =>
      new Response("data: {}\n\n", { headers: { "content-type": "text/event-stream" } }),
  };
  const commands = [
    ["status"],
    ["status", "--json"],
    ["top"],
    ["events"],
    ["events", "--follow"],
    ["explain", "http://edge-a.x/"],
    ["drain", "edge-a/till-7"],
    ["weight", "edge-a/till-7"],
    ["disconnect", "edge-a/till-7"],
    ["log-level"],
    ["token", "revoke", "till-7"],
  ];
  for (const [what, answer] of Object.entries(answers)) {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
    for (const command of commands) {
      const argv = [...command, "--admin", `127.0.0.1:${server.addr.port}`];
      const { code, stdout, stderr } = await runCli(argv);
      assert.deepEqual([code, stdout], [1, ""], `${what}: ${command}`);
      assert.match(
        stderr,
        /^revtun: 127\.0\.0\.1:\d+ is no admin endpoint of revtun[^\n]*\n$/,
        `${what}: ${command}`,
      );
    }
    await server.shutdown();
  }
});

Deno.test("what an endpoint says does nothing to the terminal", async () => {
  const evil = "\x1b]0;x\x07\u202e\u009b31m";
  const answers: Record<string, unknown> = {
    "/api/v1/log-level": { level: evil },
    "/api/v1/explain": {
      ...{ frontend: evil, route: evil, answer: null, cluster: evil, target: evil, host: evil },
      hosts: [{ name: evil, weight: 1, "in_flight": 0, verdict: evil, share: 0 }],
    },
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    return Response.json(answers[pathname] ?? { "closed_connections": 1, note: evil });
  });
  for (const command of [["log-level"], ["explain", "http://x/"], ["disconnect", "a/b"]]) {
    for (const more of [[], ["--json"]]) {
      const argv = [...command, ...more, "--admin", `127.0.0.1:${server.addr.port}`];
      const { stdout, stderr } = await runCli(argv);
      assert.equal(stderr, "");
      assert.notEqual(stdout, "");
      assert.doesNotMatch(stdout.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u, String(argv));
    }
  }
  await server.shutdown();
});

Deno.test("commands say that what answers speaks no HTTP", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1000));
      await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
      connection.close();
    }
  })().catch(() => {});
  for (const command of [["status"], ["top"], ["events", "--follow"]]) {
    const argv = [...command, "--admin", `127.0.0.1:${listener.addr.port}`];
    const { code, stderr } = await runCli(argv);
    assert.match(
      `${code} ${stderr}`,
      /^1 revtun: 127\.0\.0\.1:\d+ is no admin .* speaks no HTTP\n$/,
    );
  }
  listener.close();
  await serving;
});

Deno.test("commands that follow do not wait for one who never answers", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = await Promise.all(
    [["top"], ["events", "--follow"], ["status"]].map((command) =>
      runCli([...command, "--admin", `127.0.0.1:${listener.addr.port}`])
    ),
  );
  for (const { code, stderr } of asked) {
    assert.match(`${code} ${stderr}`, /^1 revtun: 127\.0\.0\.1:\d+ did not answer within 5 s\n$/);
  }
});

Deno.test("commands ask a loopback address themselves, whatever proxy there is", async () => {
  await using rig = await adminRig();
  const nobody = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const proxy = `http://127.0.0.1:${nobody.addr.port}`;
  nobody.close();
  await using asking = spawnCli(["log-level", "--admin", rig.url.slice("http://".length)], {
    env: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: "" },
  });
  assert.deepEqual([(await asking.status).code, asking.stdout, asking.stderr], [0, "info\n", ""]);
});

Deno.test("revtun explain says where a request would go, and why not elsewhere", async () => {
  await using rig = await adminRig();
  const run = async (...argv: string[]) => {
    const admin = ["--admin", rig.url.slice("http://".length)];
    const { code, stdout, stderr } = await runCli(["explain", ...argv, ...admin]);
    return { code, text: `${stdout}${stderr}` };
  };
  const nowhere = await run("http://shop/");
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.text, /answer {4}404 \(no-route\): No cluster is connected/);

  await rig.join("h1");
  await rig.join("h2");
  await rig.join("h3");
  await rig.ask("/api/v1/hosts/edge-a/h2/drain", {});
  await rig.ask("/api/v1/hosts/edge-a/h3/weight", { weight: 30 });
  const found = await run("http://edge-a.example.com/x?y");
  assert.equal(found.code, 0);
  assert.match(found.text, /^GET http:\/\/edge-a\.example\.com\/x\?y\n {2}frontend {2}http:/);
  assert.match(
    found.text,
    /route {5}by name.*\n {2}cluster {3}edge-a\n {2}target {4}the default one/,
  );
  assert.match(found.text, /h1 +25\.0 % +10 +0 {2}gets it/);
  assert.match(found.text, /h2 +- +10 +0 {2}left out: draining/);
  assert.match(found.text, /h3 +75\.0 % +30 +0 {2}gets it/);
  const one = await run(
    "http://x/",
    "--header",
    "x-revtun-cluster: edge-a",
    "--header=x-revtun-host: h2",
  );
  assert.equal(one.code, 1);
  assert.match(one.text, /cluster {3}edge-a, host h2 only/);
  assert.match(one.text, /h1 .*left out: not the wanted host/);

  const bad = await run("edge-a");
  assert.deepEqual([bad.code, bad.text], [
    1,
    'revtun: url is "edge-a", expected http://HOST/PATH\n',
  ]);
  const odd = await run("http://x/", "--header", "a: b\r\n\r\nGET / HTTP/1.1");
  assert.match(odd.text, /answer {4}400 \(bad-request\)/);
  const frontend = await run("http://x/", "--frontend", "127.0.0.1:1");
  assert.match(frontend.text, /There is no HTTP frontend "127\.0\.0\.1:1", expected http:/);
});

Deno.test("revtun top prints one picture where stdout is no terminal", async () => {
  await using rig = await adminRig();
  await rig.join("till-7");
  const { code, stdout } = await runCli(["top", "--admin", rig.url.slice("http://".length)]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^revtun, up \d+s: 1 host, 0 away, .*\n\nHOST .*\nedge-a\/till-7 +active +10 /,
  );
  const json = await runCli(["top", "--json", "--admin", rig.url.slice("http://".length)]);
  const [host] = JSON.parse(json.stdout).hosts;
  assert.deepEqual([host.name, host.requests_per_second], ["till-7", 0]);
});

Deno.test("commands say in one line why they cannot ask", async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  const address = rig.url.slice("http://".length);
  const run = async (argv: string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await runCli(argv, { env });
    return `${code} ${stderr}`;
  };
  assert.match(
    await run(["status", "--admin", address]),
    /^1 revtun: This endpoint wants a token: .*set REVTUN_ADMIN_TOKEN\n$/,
  );
  assert.equal(
    await run(["status", "--admin", address], { REVTUN_ADMIN_TOKEN: "hunter1" }),
    "1 revtun: The token is wrong\n",
  );
  assert.equal(
    (await runCli(["status", "--admin", address], { env: { REVTUN_ADMIN_TOKEN: "hunter2" } })).code,
    0,
  );
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assert.match(
    await run(["status", "--admin", `127.0.0.1:${port}`]),
    /^1 revtun: Cannot reach the admin endpoint at 127\.0\.0\.1:\d+: connection refused; start .*\n$/,
  );
  assert.match(
    await run(["status", "--admin", "unix:/nowhere/x.sock"]),
    /^1 revtun: Cannot reach the admin endpoint at unix:\/nowhere\/x\.sock: there is no such socket/,
  );
  assert.match(
    await run(["status", "--admin", "127.0.0.1:70000"]),
    /^2 revtun: --admin: port 70000 is out of range/,
  );
  assert.match(
    await run(["status", "--admin", rig.frontendUrl.slice("http://".length)]),
    /^1 revtun: .* is no admin endpoint of revtun \(404\)\n$/,
  );
});

Deno.test("keysOf() names the keys of a terminal", () => {
  assert.deepEqual(keysOf("aé\x1b[A\x1bOB\r\x7f\x03\x1b[5~\x1b"), [
    "a",
    "é",
    "up",
    "down",
    "enter",
    "backspace",
    "ctrl-c",
    "page-up",
    "escape",
  ]);
  // Keys that have no name here, and do nothing.
  assert.deepEqual(keysOf("\x1b[1;5C\x1b[24~x"), ["x"]);
});
