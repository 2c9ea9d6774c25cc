import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { Scratch, valuesOf } from "./support.ts";

/** The configurations that MOSN itself is started with in tests/interop/mosn. */
async function mosnConfig(name: string): Promise<string> {
  const text = await Deno.readTextFile(`tests/interop/mosn/${name}.json`);
  let port = 7000;
  return text.replaceAll(/[A-Z]+_PORT/g, () => String(++port));
}

Deno.test("revtun config import-mosn makes an agent of MOSN's, with where its listener sends", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("mosn.json", await mosnConfig("agent"));
  const { code, stdout, stderr } = await runCli(["config", "import-mosn", file]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(valuesOf(stdout), {
    "enable": true,
    "hosting-listener": "edge",
    "server": ["127.0.0.1:7002"],
    "cluster": "edge-a",
    "connections": 2,
    "reconnect-base": 200,
    "drain-timeout": 1000,
    "target": ["edge=127.0.0.1:7003"],
  });
  const ours = await scratch.write("agent.yaml", stdout);
  assert.equal((await runCli(["config", "check", ours])).code, 0);
});

Deno.test("revtun config import-mosn makes a server of MOSN's tunnel listener", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("mosn.json", await mosnConfig("server"));
  const { code, stdout, stderr } = await runCli(["config", "import-mosn", file]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(valuesOf(stdout, "server"), {
    listen: ["http://127.0.0.1:7001/edge-a"],
    tunnel: ["127.0.0.1:7002"],
    cluster: ["edge-a"],
  });
});

Deno.test("revtun config import-mosn says what it leaves out", async () => {
  await using scratch = new Scratch();
  const config = JSON.parse(await mosnConfig("server"));
  config.admin = { address: "127.0.0.1:1" };
  config.extends = [{ type: "flow_control", config: {} }];
  config.servers[0].routers[0].virtual_hosts[0].routers.push({ match: { prefix: "/api" } });
  config.servers[0].listeners[1].filter_chains[0].tls_context = { status: true };
  config.servers[0].listeners[1].filter_chains[0].filters.push({ type: "fault" });
  const file = await scratch.write("mosn.json", JSON.stringify(config));
  const { code, stderr } = await runCli(["config", "import-mosn", file]);
  assert.equal(code, 0);
  assert.deepEqual(stderr.trimEnd().replaceAll(`${file}: not carried over: `, "").split("\n"), [
    "admin: has no counterpart",
    "extends[0]: flow_control has no counterpart",
    "servers[0].routers[0].virtual_hosts[0].routers[1]: write it as one of routes",
    "servers[0].listeners[1].filter_chains[0].tls_context: give certificates by tls_cert",
    "servers[0].listeners[1].filter_chains[0].filters[1]: filter fault has no counterpart",
  ]);
});

Deno.test("revtun config import-mosn refuses what is no MOSN configuration of a tunnel", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("mosn.json", '{ "servers": [] }');
  const { code, stderr } = await runCli(["config", "import-mosn", file]);
  assert.equal(code, 2);
  assert.match(stderr, /has no tunnel_agent and no listener/);
});
