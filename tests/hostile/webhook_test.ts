/** A service that decides on agents, well or badly, behind the real server. */
import assert from "node:assert/strict";
import { claim, handshake } from "./claimant.ts";
import type { ClaimInit } from "./claimant.ts";
import { ask, startAgent, startServer } from "./commands.ts";

type Handler = (question: Record<string, unknown>) => Response | Promise<Response>;

function startService(handler: Handler) {
  const asked: Record<string, unknown>[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const question = await request.json();
    asked.push(question);
    return await handler(question);
  });
  const url = `http://127.0.0.1:${server.addr.port}/decide`;
  return {
    asked,
    url,
    flags: ["--credential", "webhook", "--webhook-timeout", "300ms", "--webhook-url", url],
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** The claim with the longest name that fits a frame. */
function longest(claimOf: (name: string) => ClaimInit): ClaimInit {
  for (let length = 65_535;; length--) {
    const init = claimOf("x".repeat(length));
    try {
      handshake(init);
      return init;
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }
}

Deno.test("a service decides on agents; what it says counts, and is asked for once", async () => {
  await using service = startService(({ credential, cluster_name: cluster, host_name: host }) => {
    if (credential !== "good") return Response.json({ allow: false, reason: "not in the list" });
    if (cluster !== "edge-a") return Response.json({ allow: false, reason: "other cluster" });
    if (host !== "till-7") return Response.json({ allow: false, reason: "other host" });
    return Response.json({ allow: true, identity: "till", targets: ["default"], max_weight: 5 });
  });
  await using server = await startServer(service.flags);
  const good: ClaimInit = { credential: "good", credentialPolicy: "webhook" };
  const cases: [string, ClaimInit, number, RegExp][] = [
    ["missing", {}, 2, /not in the list/],
    ["wrong", { credential: "bad" }, 2, /not in the list/],
    ["other cluster", { ...good, clusterName: "edge-b" }, 2, /other cluster/],
    ["other host", { ...good, hostName: "till-8" }, 2, /other host/],
    ["other target", { ...good, hello: { targets: { ssh: {} } } }, 2, /may not expose.*"ssh"/],
    ["oversize", { ...good, credential: "x".repeat(20_000) }, 2, /longer than/],
    ["empty name", { ...good, clusterName: "" }, 4, /names have/],
    ["another policy", { ...good, credentialPolicy: "jwt" }, 3, /by "webhook"/],
    ["two policies", { ...good, credentialPolicy: "webhook,jwt" }, 3, /by "webhook"/],
  ];
  for (const [what, init, status, reason] of cases) {
    const answer = await claim(server.tunnel, init);
    assert.equal(answer.status, status, `${what}: ${answer.reason}`);
    assert.match(answer.reason ?? "", reason, what);
    assert.ok(answer.isClosed, what);
  }
  // What is too long or no name goes to nobody else.
  assert.equal(service.asked.length, 5);
  await using agent = startAgent(server, ["--weight", "50"], { "REVTUN_TOKEN": "good" });
  await server.process.printed(/event=tunnel\.registered .*weight=5 connections=2/);
  assert.equal((await ask(server.url))[0], 200);
  const before = service.asked.length;
  const answers = await Promise.all(Array.from({ length: 20 }, () => claim(server.tunnel, good)));
  assert.ok(answers.every(({ status }) => status === 1));
  assert.ok(service.asked.length - before <= 1, "one question for all that are the same");
  const { credential: _, agent_id: agentId, ...question } = service.asked.at(-1)!;
  assert.match(String(agentId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(question, {
    cluster_name: "edge-a",
    host_name: "till-7",
    credential_policy: "token",
    remote_ip: "127.0.0.1",
    probe: false,
  });
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
});

Deno.test("where the service fails nobody gets in, and agents try again until it is back", async () => {
  let answer: () => Response | Promise<Response> = () => new Response("", { status: 500 });
  const late = Promise.withResolvers<Response>();
  await using service = startService(() => answer());
  await using elsewhere = startService(() => Response.json({ allow: true }));
  await using server = await startServer(service.flags);
  const failures: [string, typeof answer][] = [
    ["500", answer],
    ["no JSON", () => new Response("yes")],
    ["no object", () => Response.json(true)],
    ["no word", () => Response.json({ allowed: true })],
    ["no boolean", () => Response.json({ allow: "true" })],
    ["odd identity", () => Response.json({ allow: true, identity: 7 })],
    ["odd targets", () => Response.json({ allow: true, targets: "all" })],
    ["negative", () => Response.json({ allow: true, expires_in: -1 })],
    ["huge", () => Response.json({ allow: true, reason: "x".repeat(100_000) })],
    ["redirect", () => Response.redirect(elsewhere.url, 307)],
    ["silent", () => late.promise],
  ];
  for (const [what, failing] of failures) {
    answer = failing;
    const refused = await claim(server.tunnel, { credential: "good" });
    assert.deepEqual([refused.status, refused.isClosed], [0, true], what);
    assert.match(refused.reason ?? "", /cannot be asked now/, what);
    assert.ok(refused.retryAfterMs! > 0, what);
  }
  assert.deepEqual(elsewhere.asked, [], "nobody is asked but the service that the settings name");
  late.resolve(new Response());
  await using agent = startAgent(server, [], { "REVTUN_TOKEN": "good" });
  await agent.printed(/event=tunnel\.failed .*cannot be asked now/);
  answer = () => Response.json({ allow: true, expires_in: 2 });
  await server.process.printed(/event=tunnel\.registered/);
  // Asked again when its word has expired.
  answer = () => Response.json({ allow: false, reason: "no more" });
  assert.equal((await agent.status).code, 3, agent.stderr);
  assert.match(agent.stderr.trimEnd().split("\n").at(-1)!, /^revtun: .*no more/);
});

Deno.test("a word on a probe, or on one agent, is none on another that shows the same", async () => {
  const known = "5f0c8f9e-0000-4000-8000-00000000000a";
  await using service = startService(({ probe, agent_id: agentId }) =>
    Response.json({ allow: probe === true || agentId === known })
  );
  await using server = await startServer(service.flags);
  const statusOf = async (hello: ClaimInit["hello"]) =>
    (await claim(server.tunnel, { credential: "good", hello: { ...hello } })).status;
  assert.equal(await statusOf({ purpose: "probe" }), 1);
  assert.equal(await statusOf({}), 2, "what a probe may, an agent may not");
  assert.equal(await statusOf({ agentId: known }), 1);
  assert.equal(await statusOf({}), 2, "nor what another agent may");
});

Deno.test("no refusal is too long for its frame, whatever it is about", async () => {
  const identity = `till-${"7".repeat(200)}`;
  await using service = startService(() =>
    Response.json({ allow: true, identity: identity.repeat(300), targets: ["default"] })
  );
  await using server = await startServer(service.flags);
  const { status, reason } = await claim(server.tunnel, {
    credential: "good",
    hello: { targets: { ssh: {} } },
  });
  assert.equal(status, 2);
  assert.match(reason ?? "", /^"till-7+/);
  assert.ok(server.process.stderr.length < 5000, "nor is its line of the log");
  // It lives.
  assert.equal((await claim(server.tunnel, { credential: "good" })).status, 1);
});

Deno.test("an agent whose id or targets' names are as long as a frame is not let in", async () => {
  await using service = startService(() => Response.json({ allow: true }));
  await using server = await startServer(service.flags);
  const cases: ((name: string) => ClaimInit)[] = [
    (agentId) => ({ hello: { agentId } }),
    (name) => ({ hello: { targets: { [name]: {} } } }),
    () => ({ hello: { targets: { "a b": {} } } }),
  ];
  for (const claimOf of cases) {
    const { status, reason } = await claim(server.tunnel, longest(claimOf));
    assert.equal(status, 4);
    assert.match(reason ?? "", /an agent's id has at most 128/);
  }
  assert.deepEqual(service.asked, []);
  assert.ok(server.process.stderr.length < 5000);
});
