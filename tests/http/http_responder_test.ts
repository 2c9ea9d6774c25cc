import assert from "node:assert/strict";
import { agentPage } from "../../lib/http/agent_page.ts";
import { openPage } from "../../lib/http/http_responder.ts";
import { TextPeer, until, World } from "./support.ts";

const FACTS = {
  hostName: "till-7",
  cluster: "edge-a",
  servers: ["cloud:9000"],
  uptimeMs: 3_725_000,
  software: "revtun/0.1.0",
  hasNamedTargets: false,
};

function openAgentPage(world: World, facts = FACTS): TextPeer {
  return new TextPeer(openPage(agentPage(() => facts), world.runtime));
}

Deno.test("The agent's page says who answers and what to do next", async () => {
  using world = new World();
  const client = openAgentPage(world);
  client.write("GET /x HTTP/1.1\r\nHost: edge-a.example\r\n\r\n");
  const text = await client.read("--target 127.0.0.1:8000\n");
  assert.ok(text.startsWith("HTTP/1.1 200 OK\r\n"));
  for (const part of ["till-7", "edge-a", "cloud:9000", "1h 2m", "revtun/0.1.0", "GET /x at"]) {
    assert.ok(text.includes(part), part);
  }
  client.write("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
  const json = await client.read("}\n");
  const body = JSON.parse(json.slice(json.indexOf("\r\n\r\n")));
  assert.deepEqual([body.agent, body.uptime_s], ["till-7", 3725]);
  client.duplex.close();
});

Deno.test("The agent's page says that its targets have names", async () => {
  using world = new World();
  const client = openAgentPage(world, { ...FACTS, hasNamedTargets: true });
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const text = await client.read("--target 127.0.0.1:8000\n");
  assert.match(text, /Its targets have names/);
  assert.doesNotMatch(text, /To reach a service of yours/);
  client.duplex.close();
});

Deno.test("The agent's page escapes what the client sends", async () => {
  using world = new World();
  const client = openAgentPage(world);
  client.write('GET /"><script> HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n');
  const page = await client.read("</html>\n");
  assert.ok(page.includes("&quot;&gt;&lt;script&gt;") && !page.includes("<script>"));
  client.duplex.close();
});

Deno.test("HttpResponder keeps a connection through bodies, HEAD and pieces", async () => {
  using world = new World();
  const client = openAgentPage(world);
  client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
  assert.ok((await client.read("OPTIONS.\n")).startsWith("HTTP/1.1 405"));
  client.write("c\r\n0\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
  const head = await client.read("\r\n\r\n");
  assert.ok(/Content-Length: [1-9]/.test(head));
  client.write("TP/1.0\r\n\r\n");
  assert.ok((await client.read("8000\n")).includes("Connection: close\r\n"));
  await until(() => client.hasEnded);
  client.duplex.end();
  await until(() => client.isClosed);
});

Deno.test("HttpResponder refuses what is no request, and closes when idle", async () => {
  using world = new World();
  const client = openAgentPage(world);
  client.write("GET / HTTP/1.1\nHost: a\n\n");
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 400"));
  await until(() => client.hasEnded);
  client.duplex.close();
  const idle = openAgentPage(world);
  await world.advance(76_000);
  assert.ok(idle.isClosed);
});
