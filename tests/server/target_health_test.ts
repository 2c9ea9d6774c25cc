/** Targets whose agents find them unwell get no work, at all hosts that find it. */
import assert from "node:assert/strict";
import { startAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { ask } from "../http/ask.ts";
import { nodeService } from "../e2e/http_support.ts";
import { until } from "../http/support.ts";
import { frontendRig } from "./frontend_rig.ts";
import type { FrontendRig } from "./frontend_rig.ts";

/** Waits until the server knows just these targets of a host as unwell. */
async function untilHealth(rig: FrontendRig, hostName: string, names: string[]): Promise<void> {
  const wanted = JSON.stringify(names);
  const known = () => {
    const hosts = rig.server.registry.clusters.get("edge-a")!.hosts.values();
    const host = [...hosts].find((candidate) => candidate.hostName === hostName);
    return JSON.stringify([...host!.unhealthyTargets]);
  };
  for (let turn = 0; turn < 2000 && known() !== wanted; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(known(), wanted);
}

Deno.test("A target that answers its health check badly gets no requests until it is well", async () => {
  let status = 200;
  const asked: string[] = [];
  await using backend = await nodeService((message, response) => {
    if (message.url === "/healthz?deep") {
      asked.push(`${message.method} ${message.headers.host} ${message.headers["user-agent"]}`);
      response.statusCode = status;
      response.end();
    } else {
      response.end("served");
    }
  });
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    targets: [
      `http://${backend.address}?health=/healthz?deep&health_interval=100ms&host=inner.test`,
      `other=${backend.address}`,
    ],
  });
  const url = `http://${rig.addresses[0]}`;
  assert.equal((await ask(url)).body, "served");
  await until(() => asked.length > 0, "a look");
  assert.equal(asked[0], "GET inner.test revtun-health");
  status = 503;
  await untilHealth(rig, "host-1", [""]);
  const refused = await ask(url);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["x-revtun-error"], "target-unhealthy");
  assert.equal(refused.headers["retry-after"], "1");
  assert.equal((await ask(url, { headers: { "x-revtun-target": "other" } })).body, "served");
  status = 301;
  await untilHealth(rig, "host-1", []);
  assert.equal((await ask(url)).body, "served");
});

Deno.test("Requests go to the host whose target is well, and a held one finds it", async () => {
  await using backend = await nodeService((_message, response) =>
    response.end("from the well one")
  );
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dead = `127.0.0.1:${probe.addr.port}`;
  probe.close();
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    targets: [`tcp://${dead}?health=tcp&health_interval=100ms`],
    server: { holdMs: 10_000 },
  });
  await untilHealth(rig, "host-1", [""]);
  const url = `http://${rig.addresses[0]}`;
  const held = ask(url);
  const runtime = createRuntime(silentLog);
  const second = await startAgent(
    agentConfig({
      servers: [rig.server.tunnelAddresses[0]!],
      cluster: "edge-a",
      hostName: "host-2",
      connectionNum: 1,
      targets: parseTargets([backend.address]),
      drainTimeoutMs: 0,
    }),
    runtime,
    { software: "revtun/test" },
  );
  assert.equal((await held).body, "from the well one");
  for (let i = 0; i < 6; i++) assert.equal((await ask(url)).body, "from the well one");
  await second.abort();
  runtime.timers.close();
});

Deno.test("A target's own Host stands in its requests, whatever the client asks for", async () => {
  await using backend = await nodeService((message, response) => {
    let body = "";
    message.on("data", (piece) => body += piece);
    message.on(
      "end",
      () => response.end(`${message.headers.host} ${message.headers["x-forwarded-host"]} ${body}`),
    );
  });
  await using rig = await frontendRig({
    listen: ["http://127.0.0.1:0"],
    targets: [`http://${backend.address}?host=inner.test:8080`],
  });
  const url = `http://${rig.addresses[0]}`;
  for (const host of ["a.test", "a.much.longer.name.test", "b"]) {
    const { body } = await ask(url, { method: "POST", body: "with a body", headers: { host } });
    assert.equal(body, `inner.test:8080 ${host} with a body`);
  }
});
