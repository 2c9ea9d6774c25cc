import assert from "node:assert/strict";
import { freePorts } from "../../bench/ports.ts";
import type { Address } from "../../lib/address.ts";
import { Takeover } from "../../lib/admin/takeover.ts";
import { serverConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import { listen } from "../../lib/transport/listen.ts";
import { agentFor } from "../agent/agent_for.ts";
import { EventLog, testRuntime, until } from "../agent/support.ts";

Deno.test("a takeover that was begun and given up leaves all as it was", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/front.sock`;
  const log = new EventLog();
  using runtime = testRuntime(log);
  const [port] = freePorts(1);
  const tunnel: Address & { kind: "tcp" } = { kind: "tcp", host: "127.0.0.1", port: port! };
  const config = serverConfig({
    frontends: [parseListenSpec(`unix:${path}?cluster=edge-a`)],
    tunnels: [tunnel],
    portSharing: "later",
    holdMs: 10_000,
  });
  const server = await startServer(config, runtime, "revtun/test");
  const agent = await agentFor(runtime, [tunnel], { connectionNum: 1 });
  await until("the host", () => server.registry.hostCount === 1);
  const takeover = new Takeover(server, runtime, () => assert.fail("finished"));
  const addresses = { tunnels: `127.0.0.1:${port}`, frontends: `unix:${path}` };
  const asked = async () => {
    using conn = await Deno.connect({ transport: "unix", path });
    await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const buffer = new Uint8Array(4096);
    const count = await conn.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).split("\r\n")[0];
  };

  for (const isAtAgents of [false, true]) {
    const { hosts } = takeover.begin(addresses);
    assert.equal(hosts.length, 1);
    assert.throws(() => takeover.begin(addresses), /Another process is taking over already/);
    assert.throws(() => takeover.finish(), /No takeover is at this step/);
    // What the next process would do: it has the ports and the path, and does nothing more.
    const strangers = [tunnel, { kind: "unix", path } as const].map((address) =>
      listen(address, runtime, {
        sharing: "join",
        onConnection: (connection) => connection.close(),
      })
    );
    if (isAtAgents) await takeover.agents();
    takeover.abort();
    await Promise.all(strangers.map((stranger) => stranger.close()));
    assert.equal(await asked(), "HTTP/1.1 502 Bad Gateway", "answered by way of the agent");
    // An agent that comes now finds the server.
    const late = await agentFor(runtime, [tunnel], { connectionNum: 1, hostName: "late" });
    await until("both hosts", () => server.registry.hostCount === 2);
    await late.abort();
    await until("one host", () => server.registry.hostCount === 1);
  }
  assert.deepEqual(log.of("server.deaf"), []);
  takeover.close();
  await agent.abort();
  await server.close(0);
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("a takeover is refused by a server that stops, or whose ports nobody can share", async () => {
  using runtime = testRuntime();
  for (const portSharing of ["none", "later"] as const) {
    const config = serverConfig({ portSharing });
    const server = await startServer(config, runtime, "revtun/test");
    if (portSharing === "later") await server.close(0);
    const takeover = new Takeover(server, runtime, () => {});
    const expected = portSharing === "later" ? /stops already/ : /cannot be shared/;
    assert.throws(() => takeover.begin({ tunnels: "", frontends: "" }), expected);
    await server.close(0);
  }
});
