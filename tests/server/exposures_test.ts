/** Frontends that agents ask for: what the rules let them have, and how long. */
import assert from "node:assert/strict";
import { freePort } from "../../bench/ports.ts";
import { startAgent } from "../../lib/agent/agent.ts";
import type { RunningAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { parseExposeRequest } from "../../lib/agent/expose_request.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { parseExposeUrl } from "../../lib/codec/expose_url.ts";
import { EventRing, keepingLog } from "../../lib/event_ring.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { parseExposeRule, ruleFor } from "../../lib/server/expose_rule.ts";
import { ask } from "../http/ask.ts";
import { echoService, frontendRig, TestClient } from "./frontend_rig.ts";
import type { FrontendRig } from "./frontend_rig.ts";
import { UdpPeer } from "./udp_peer.ts";

for (
  const [rule, url, identity, isAllowed] of [
    ["tcp://:2000-2999", "tcp://:2222", "", true],
    ["tcp://:2000-2999", "tcp://:3000", "", false],
    ["tcp://:2222", "tcp://:2222", "", true],
    ["tcp://:*", "tcp://:65535", "", true],
    ["tcp://127.0.0.1:2222", "tcp://:2222", "", true],
    ["tcp://127.0.0.1:2222", "tcp://0.0.0.0:2222", "", false],
    ["tcp://:2222", "tcp://127.0.0.1:2222", "", false],
    ["tcp://[::1]:2222", "tcp://[::1]:2222", "", true],
    ["tcp://:*", "udp://:53", "", false],
    ["udp://:50-59", "udp://:53", "", true],
    ["udp://:50-59", "tcp://:53", "", false],
    ["tcp://:*", "http://a.test", "", false],
    ["http://*", "http://a.test", "", true],
    ["http://*", "tcp://:80", "", false],
    ["http://*.example.com", "http://Shop.Example.com", "", true],
    ["http://*.example.com", "http://example.com", "", false],
    ["http://*.example.com", "http://notexample.com", "", false],
    ["http://shop.example.com", "http://shop.example.com", "", true],
    ["till-7@tcp://:2222", "tcp://:2222", "till-7", true],
    ["till-7@tcp://:2222", "tcp://:2222", "till-77", false],
    ["till-7@tcp://:2222", "tcp://:2222", "", false],
    ["tills-*@http://*", "http://a.test", "tills-9", true],
    ["*@http://*", "http://a.test", "anyone", true],
  ] as const
) {
  const words = isAllowed ? "lets" : "does not let";
  Deno.test(`--allow-expose ${rule} ${words} "${identity}" have ${url}`, () => {
    const found = ruleFor([parseExposeRule(rule)], parseExposeUrl(url), identity);
    assert.equal(found !== undefined, isAllowed);
  });
}

Deno.test("parseExposeRule() and parseExposeRequest() refuse what makes no sense", () => {
  for (
    const text of ["", "tcp://", "tcp://:", "tcp://:0", "tcp://:9-8", "tcp://:70000", "sctp://:1"]
  ) assert.throws(() => parseExposeRule(text), RangeError, text);
  for (const text of ["http://a.test:80", "http://{cluster}.a", "a b@tcp://:1", "http://"]) {
    assert.throws(() => parseExposeRule(text), RangeError, text);
  }
  for (
    const text of [
      ...["", "tcp://:0=a", "tcp://:70000", "tcp://:22=", "tcp://:22=a/b", "http://a.test/x=a"],
      ...["http://a.test:80=a", "http://a_.-=a", "http://*.a.test=a", "https://a.test=a"],
      ...["tcp://a b:22", "http://a.test\r\nx=a", "unix:/x=a"],
    ]
  ) assert.throws(() => parseExposeRequest(text), RangeError, text);
  assert.deepEqual(parseExposeRequest("http://Shop.test=web"), {
    url: "http://shop.test",
    target: "web",
  });
});

interface Exposer extends AsyncDisposable {
  readonly agent: RunningAgent;
  readonly events: EventRing;
  /** Waits for an event whose frontend is `url`, and gives its message or address. */
  news(event: string, url: string): Promise<string>;
}

async function exposer(
  rig: FrontendRig,
  options: { expose: string[]; targets: string[]; cluster?: string; hostName?: string },
): Promise<Exposer> {
  const events = new EventRing();
  const runtime = { ...createRuntime(silentLog), log: keepingLog(silentLog, events) };
  const agent = await startAgent(
    agentConfig({
      servers: [rig.server.tunnelAddresses[0]!],
      cluster: options.cluster ?? "edge-b",
      hostName: options.hostName ?? "exposer",
      targets: parseTargets(options.targets),
      expose: options.expose.map(parseExposeRequest),
      drainTimeoutMs: 0,
    }),
    runtime,
    { software: "revtun/test" },
  );
  return {
    agent,
    events,
    async news(name, url) {
      for (let turn = 0; turn < 1000; turn++) {
        const event = events.latest(1000).find((event) =>
          event.event === name && event.fields["frontend"] === url
        );
        if (event !== undefined) return String(event.fields["address"] ?? event.message);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      throw new Error(`No ${name} for ${url}: ${JSON.stringify(events.latest(1000))}`);
    },
    async [Symbol.asyncDispose]() {
      await agent.abort();
      runtime.timers.close();
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isTrue(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(isTrue());
}

/** A port that was free a moment ago. */
Deno.test("An agent's own frontends lead to its targets, and go with the last that has them", async () => {
  await using echo = echoService({ greeting: "hi " });
  const port = freePort();
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    server: {
      allowExpose: [`tcp://127.0.0.1:${port}`, "http://*.example.com"].map(parseExposeRule),
    },
  });
  const url = `http://${rig.addresses[0]}`;
  const wishes = {
    expose: [`tcp://:${port}=echo`, "http://shop.example.com"],
    targets: [`echo=${echo.address}`],
  };
  const first = await exposer(rig, wishes);
  assert.equal(await first.news("frontend.exposed", `tcp://:${port}`), `127.0.0.1:${port}`);
  assert.equal(await first.news("frontend.exposed", "http://shop.example.com"), "shop.example.com");
  const say = async (text: string) => {
    using client = await TestClient.connect(`127.0.0.1:${port}`);
    await client.send(text);
    return await client.readText(3 + text.length);
  };
  assert.equal(await say("there"), "hi there");
  const page = await ask(url, { headers: { host: "SHOP.example.com:80" } });
  assert.match(page.body, /^The tunnel works/);
  assert.match(page.body, /exposer/);
  const known = [...rig.server.exposures.list].map(({ url, cluster, target, hosts }) => [
    url,
    cluster,
    target,
    [...hosts].map((host) => host.hostName),
  ]);
  assert.deepEqual(known, [
    [`tcp://:${port}`, "edge-b", "echo", ["exposer"]],
    ["http://shop.example.com", "edge-b", "", ["exposer"]],
  ]);
  // A second agent of the cluster takes over without a gap.
  await using second = await exposer(rig, { ...wishes, hostName: "second" });
  await second.news("frontend.exposed", `tcp://:${port}`);
  await first[Symbol.asyncDispose]();
  await until(() => [...rig.server.exposures.list].every(({ hosts }) => hosts.size === 1));
  assert.equal(await say("again"), "hi again");
  await second.agent.abort();
  await until(() => [...rig.server.exposures.list].length === 0);
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
  const gone = await ask(url, { headers: { host: "shop.example.com" } });
  assert.doesNotMatch(gone.body, /second|exposer/);
});

Deno.test("An agent's own UDP frontend answers from its target alone, and goes with it", async () => {
  await using target = new UdpPeer((text) => text.toUpperCase());
  const port = freePort();
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    server: { allowExpose: [parseExposeRule(`udp://127.0.0.1:${port}`)] },
  });
  const wishes = {
    expose: [`udp://:${port}=dns`],
    targets: [`dns=udp://127.0.0.1:${target.port}`],
  };
  await using agent = await exposer(rig, wishes);
  assert.equal(await agent.news("frontend.exposed", `udp://:${port}`), `127.0.0.1:${port}`);
  // Another agent of the cluster has no such target: were it asked, nothing would come back.
  await using _other = await exposer(rig, { expose: [], targets: [], hostName: "other" });
  // Each client is a flow of its own, for which an agent is chosen anew.
  for (let turn = 0; turn < 4; turn++) {
    await using client = new UdpPeer();
    await client.send(`hi ${turn}`, `127.0.0.1:${port}`);
    assert.deepEqual(await client.got(1), [`HI ${turn}`]);
  }
  await agent.agent.abort();
  await until(() => [...rig.server.exposures.list].length === 0);
});

Deno.test("An agent learns why it does not get a frontend, in its own log", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const busy = taken.addr.port;
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    server: {
      routes: [{ host: "configured.example.com", cluster: "edge-a" }],
      allowExpose: [`tcp://127.0.0.1:${busy}`, "http://*.example.com"].map(parseExposeRule),
    },
  });
  await using owner = await exposer(rig, { expose: ["http://a.example.com"], targets: [] });
  await owner.news("frontend.exposed", "http://a.example.com");
  await using other = await exposer(rig, {
    expose: [
      ...[`tcp://:${busy}`, "tcp://:1", "http://a.example.com", "http://elsewhere.test"],
      "http://configured.example.com",
    ],
    targets: [],
    cluster: "edge-c",
    hostName: "other",
  });
  const refused = (url: string) => other.news("frontend.refused", url);
  assert.match(await refused(`tcp://:${busy}`), /address is in use/);
  assert.match(await refused("tcp://:1"), /no --allow-expose of the server/);
  assert.match(await refused("http://a.example.com"), /cluster "edge-b" has it/);
  assert.match(await refused("http://elsewhere.test"), /no --allow-expose/);
  // What is configured goes before what agents ask for.
  await other.news("frontend.exposed", "http://configured.example.com");
  const url = `http://${rig.addresses[0]}`;
  const { body } = await ask(url, { headers: { host: "configured.example.com" } });
  assert.match(body, /host-1/);
  // Both connections ask, each news is said once.
  assert.equal(
    other.events.latest(1000).filter(({ event }) => event === "frontend.refused").length,
    4,
  );
});

Deno.test("No agent gets the clients of another cluster by asking for its name", async () => {
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    server: { allowExpose: [parseExposeRule("http://*")] },
  });
  const url = `http://${rig.addresses[0]}`;
  const answersOf = async (host: string) => (await ask(url, { headers: { host } })).body;
  // Which is its own, that cluster's, and one that is still to come.
  const expose = ["http://edge-b.test", "http://edge-a", "http://edge-a.example.com", "http://new"];
  await using thief = await exposer(rig, { expose, targets: [] });
  for (const taken of expose.slice(1, 3)) {
    assert.match(await thief.news("frontend.refused", taken), /the name of cluster "edge-a"/);
    assert.match(await answersOf(new URL(taken).host), /host-1/);
  }
  assert.equal(await thief.news("frontend.exposed", "http://edge-b.test"), "edge-b.test");
  assert.match(await answersOf("edge-b.test"), /exposer/);
  await thief.news("frontend.exposed", "http://new");
  assert.match(await answersOf("new"), /exposer/);
  const late = { expose: [], targets: [], cluster: "new", hostName: "late" };
  await using owner = await exposer(rig, late);
  await owner.agent.when(() => owner.agent.connectionCount > 0);
  assert.match(await answersOf("new"), /late/);
});

Deno.test("Nothing is exposed unless the server says so", async () => {
  await using rig = await frontendRig({ listen: ["http://127.0.0.1:0"] });
  await using agent = await exposer(rig, { expose: ["http://edge-a"], targets: [] });
  assert.match(await agent.news("frontend.refused", "http://edge-a"), /no --allow-expose/);
  assert.deepEqual([...rig.server.exposures.list], []);
});

Deno.test("Other rules take away what they do not allow, other wishes what is not wished", async () => {
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    server: { allowExpose: [parseExposeRule("http://*.example.com")] },
  });
  await using owner = await exposer(rig, {
    expose: ["http://a.example.com", "http://b.example.com"],
    targets: [],
  });
  const urls = () => [...rig.server.exposures.list].map(({ url }) => url);
  await owner.news("frontend.exposed", "http://b.example.com");
  rig.server.exposures.setRules([parseExposeRule("http://a.example.com")]);
  assert.deepEqual(urls(), ["http://a.example.com"]);
  owner.agent.apply({ ...owner.agent.config, expose: [] });
  await until(() => urls().length === 0);
});
