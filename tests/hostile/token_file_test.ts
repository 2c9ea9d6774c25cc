/** Tokens of single agents against the real commands: what each lets in, and what not. */
import assert from "node:assert/strict";
import { outputOfCli } from "../cli/spawn_cli.ts";
import { claim } from "./claimant.ts";
import type { ClaimInit } from "./claimant.ts";
import { ask, startAgent, startServer, temporaryFolder } from "./commands.ts";

const ADVANCED = "2024-01-01T00:00:00Z";

async function newToken(file: string, id: string, ...flags: string[]): Promise<string> {
  const made = await outputOfCli(["token", "new", id, "--token-file", file, ...flags]);
  assert.equal(made.code, 0, made.stderr);
  return made.stdout.trim();
}

Deno.test("a token lets its agent in, and nobody else, nowhere else, for nothing else", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const place = ["--cluster", "edge-a", "--host-name", "till-7", "--expose", "web"];
  const token = await newToken(file, "till-7", ...place);
  const once = await newToken(file, "once", "--cluster", "edge-a", "--uses", "1");
  const anywhere = await newToken(file, "anywhere");
  // As time would do it.
  const late = await newToken(file, "late", "--expires", "1h");
  const text = await Deno.readTextFile(file);
  assert.ok(!text.includes(token) && text.includes("sha256:"));
  assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  await Deno.writeTextFile(file, text.replace(/"expires":"[^"]+"/, `"expires":"${ADVANCED}"`));

  await using server = await startServer(["--credential", "token-file", "--token-file", file]);
  const good: ClaimInit = { credential: token, credentialPolicy: "token" };
  const cases: [string, ClaimInit, number, RegExp][] = [
    ["missing", { credentialPolicy: "token" }, 2, /none was sent/],
    ["missing, without a policy", {}, 2, /none was sent/],
    ["wrong", { credential: `${token.slice(0, -1)}_` }, 2, /no such token/],
    ["unknown id", { credential: token.replace("till-7", "till-8") }, 2, /no such token/],
    ["no token at all", { credential: "s3cret" }, 2, /no such token/],
    ["expired", { credential: late }, 2, /"late" expired at 2024/],
    ["other cluster", { ...good, clusterName: "edge-b" }, 2, /not for cluster "edge-b"/],
    ["other host", { ...good, hostName: "till-8" }, 2, /not for host name "till-8"/],
    ["no host name", { ...good, hostName: "" }, 2, /not for host name ""/],
    ["other target", { ...good, hello: { targets: { ssh: {} } } }, 2, /may not expose .*"ssh"/],
    ["oversize", { ...good, credential: "x".repeat(20_000) }, 2, /longer than/],
    ["undeclared cluster", { credential: anywhere }, 4, /not declared/],
    ["empty name", { ...good, clusterName: "" }, 4, /names have/],
    ["no name", { ...good, clusterName: "edge\na" }, 4, /names have/],
    ["oversize name", { ...good, clusterName: "x".repeat(10_000) }, 4, /names have/],
    ["another policy", { ...good, credentialPolicy: "jwt" }, 3, /by "token-file"/],
    ["two policies", { ...good, credentialPolicy: "token,jwt" }, 3, /by "token-file"/],
  ];
  for (const [what, init, status, reason] of cases) {
    const answer = await claim(server.tunnel, init);
    assert.equal(answer.status, status, what);
    assert.match(answer.reason ?? "", reason, what);
    assert.ok(answer.isClosed, what);
  }
  // A MOSN agent is told by the status alone.
  const mosn = await claim(server.tunnel, { credential: "s3cret", hello: null });
  assert.deepEqual([mosn.status, mosn.reason, mosn.isClosed], [2, undefined, true]);

  assert.equal((await claim(server.tunnel, good)).status, 1);
  const web = { ...good, hello: { targets: { web: {} } } };
  assert.equal((await claim(server.tunnel, web)).status, 1);
  const twin = { agentId: "5f0c8f9e-0000-4000-8000-000000000002" };
  assert.equal((await claim(server.tunnel, { credential: once })).status, 1);
  assert.equal((await claim(server.tunnel, { credential: once })).status, 1, "the same agent");
  const second = await claim(server.tunnel, { credential: once, hello: twin });
  assert.deepEqual([second.status, second.isClosed], [2, true]);
  assert.match(second.reason ?? "", /used by 1 agents already/);
  assert.ok(!server.process.stderr.includes(token) && !server.process.stderr.includes(once));

  // What is used up stays so over a restart.
  await using next = await startServer(["--credential", "token-file", "--token-file", file]);
  assert.equal((await claim(next.tunnel, { credential: once, hello: twin })).status, 2);
});

Deno.test("revoking a token closes its agent's connections within a second; it ends with 3", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const token = await newToken(file, "till-7", "--cluster", "edge-a");
  const other = await newToken(file, "till-8", "--cluster", "edge-b");
  await using server = await startServer(["--credential", "token-file", "--token-file", file]);
  await using agent = startAgent(server, [], { "REVTUN_TOKEN": token });
  await server.process.printed(/event=tunnel\.registered .*cluster=edge-a/);
  await using stays = startAgent(server, ["--cluster", "edge-b"], { "REVTUN_TOKEN": other });
  await server.process.printed(/event=tunnel\.registered .*cluster=edge-b/);
  assert.equal((await ask(server.url, { "x-revtun-cluster": "edge-a" }))[0], 200);

  const revoked = await outputOfCli(["token", "revoke", "till-7", "--token-file", file]);
  assert.deepEqual([revoked.code, revoked.stdout], [0, "revoked till-7\n"]);
  await server.process.printed(/event=tunnel\.permit_ended .*"till-7.*was revoked/, 1000);
  assert.equal((await agent.status).code, 3, agent.stderr);
  assert.match(agent.stderr.trimEnd().split("\n").at(-1)!, /^revtun: .*"till-7" was revoked/);
  assert.equal((await ask(server.url, { "x-revtun-cluster": "edge-b" }))[0], 200);
  stays.kill("SIGTERM");
  assert.equal((await stays.status).code, 0);
});

Deno.test("an operator revokes a token by the admin API: it is out at once, and its agent ends", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const adminFile = folder.path("admin-token");
  await Deno.writeTextFile(adminFile, "s3cret\n", { mode: 0o600 });
  const token = await newToken(file, "till-7", "--uses", "5", "--cluster", "edge-a");
  const other = await newToken(file, "till-8", "--cluster", "edge-*");
  const admin = `unix:${folder.path("admin.sock")}`;
  const flags = ["--credential", "token-file", "--token-file", file];
  await using server = await startServer([
    ...[...flags, "--admin", admin, "--admin-token-file", adminFile],
  ]);
  // It waits for half an hour after a refusal: that is not what ends it here.
  const slow = ["--reconnect-base", "500ms", "--reconnect-max", "3m"];
  await using agent = startAgent(server, slow, { "REVTUN_TOKEN": token });
  await agent.printed(/connections=2/);
  const revoke = (id: string, ...more: string[]) =>
    outputOfCli(["token", "revoke", id, "--admin", admin, ...more]);

  assert.equal((await revoke("till-7")).code, 1, "the endpoint wants its token");
  const asked = ["--admin-token-file", adminFile];
  const unknown = await revoke("till-9", ...asked);
  assert.deepEqual([unknown.code, unknown.stderr], [1, 'revtun: There is no token "till-9"\n']);
  const both = await revoke("till-7", ...asked, "--token-file", file);
  assert.match(both.stderr, /leave --token-file out/);

  const { code, stdout, stderr } = await revoke("till-7", ...asked);
  assert.deepEqual([code, stdout], [0, "revoked till-7: 2 connections closed\n"], stderr);
  const kept = (await Deno.readTextFile(file)).trim().split("\n");
  assert.deepEqual(kept.map((line) => JSON.parse(line).id), ["till-8"]);
  assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  assert.equal(await Deno.readTextFile(`${file}.uses`), "");
  assert.equal((await agent.status).code, 3, agent.stderr);
  assert.match(agent.stderr, /revtun: .*"till-7" was revoked/);
  assert.equal((await claim(server.tunnel, { credential: other })).status, 1);

  // Whoever was never let in has no better news, and a new token of that name is another one.
  const stale = await claim(server.tunnel, { credential: token });
  assert.match(stale.reason ?? "", /"till-7" was revoked/);
  const renewed = await newToken(file, "till-7", "--cluster", "edge-*");
  await server.process.printed(/event=token\.reloaded .*tokens=2/);
  assert.equal((await claim(server.tunnel, { credential: renewed })).status, 1);
  assert.equal((await claim(server.tunnel, { credential: token })).status, 2);
});

Deno.test("a host name belongs to one identity as long as its connection is up", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const first = await newToken(file, "first", "--cluster", "edge-a");
  const second = await newToken(file, "second", "--cluster", "edge-a");
  await using server = await startServer(["--credential", "token-file", "--token-file", file]);
  await using agent = startAgent(server, [], { "REVTUN_TOKEN": first });
  await server.process.printed(/event=tunnel\.registered/);
  const taken = await claim(server.tunnel, { credential: second });
  assert.deepEqual([taken.status, taken.isClosed], [2, true]);
  assert.match(taken.reason ?? "", /connected under another identity/);
  assert.ok(taken.retryAfterMs! > 0, "the name may be free later");
  assert.equal((await claim(server.tunnel, { credential: second, hostName: "till-8" })).status, 1);
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
});

Deno.test("an agent learns of no other cluster, host or token, only of what it shows itself", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const mine = await newToken(file, "till-7", "--cluster", "edge-a");
  const other = await newToken(file, "till-8", "--cluster", "edge-b");
  await using server = await startServer(["--credential", "token-file", "--token-file", file]);
  await using _agent = startAgent(server, ["--cluster", "edge-b", "--host-name", "till-8"], {
    "REVTUN_TOKEN": other,
  });
  await server.process.printed(/event=tunnel\.registered .*cluster=edge-b/);
  const answers = async (names: readonly string[], init: (name: string) => ClaimInit) =>
    await Promise.all(names.map(async (name) => {
      const { status, reason } = await claim(server.tunnel, init(name));
      return [status, reason?.replaceAll(name, "NAME")];
    }));
  // One that is there, and one that is not: the same words.
  const clusters = await answers(["edge-b", "edge-x"], (clusterName) => ({
    credential: mine,
    clusterName,
  }));
  assert.deepEqual(clusters[0], clusters[1]);
  const tokens = await answers(["till-8", "till-x"], (name) => ({
    credential: `rvt.${name}.${"x".repeat(43)}`,
  }));
  assert.deepEqual(tokens[0], tokens[1]);
  assert.equal(tokens[0]![0], 2);
});

Deno.test("token files that cannot be trusted or read stop the server with one line", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  const hash = `"hash":"sha256:${"0".repeat(64)}"`;
  const cases: [string, number, RegExp][] = [
    [`{"id":"a",${hash}}\n`, 0o602, /can be written by anyone, use chmod 600/],
    [`{"id":"a",${hash},"cluster":["edge-a"]}\n`, 0o600, /line 1: "cluster" is unknown/],
    [`# fine\n{"id":"a","hash":"md5:00"}\n`, 0o600, /line 2: hash of "a" is not "sha256:"/],
    [`{"id":"a",${hash}}\n{"id":"a",${hash}}\n`, 0o600, /line 2: id "a" is there already/],
    [`{"id":"a",${hash},"expires":"tomorrow"}\n`, 0o600, /line 1: expires of "a" is "tomorrow"/],
  ];
  for (const [text, mode, message] of cases) {
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, mode);
    const flags = ["--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"];
    const { code, stderr } = await outputOfCli([
      ...["server", ...flags, "--credential", "token-file", "--token-file", file],
    ]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});
