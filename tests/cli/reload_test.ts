/** `revtun server` and `revtun agent` that read their settings file again while they run. */
import assert from "node:assert/strict";
import { until } from "../agent/support.ts";
import { Scratch } from "../config/support.ts";
import { spawnCli } from "./spawn_cli.ts";

const SERVER = `server:
  listen: ["http://127.0.0.1:0"]
  tunnel: ["127.0.0.1:0"]
  clusters: [edge-a]
  admin: 127.0.0.1:0
`;

Deno.test("settings are taken anew when their file changes, and on SIGHUP, all or nothing", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("revtun.yaml", SERVER);
  await using server = spawnCli(["server", "--config", file, "--hold", "1s"]);
  const [, tunnel = ""] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const [, url = ""] = await server.printed(/event=frontend\.listening .*(http:\/\/[\d.]+:\d+)/);
  const [, admin = ""] = await server.printed(/event=admin\.listening .*address=(\S+)/);
  const config = async () => await (await fetch(`http://${admin}/api/v1/config`)).json();
  await using agent = spawnCli([
    "agent",
    "--config",
    await scratch.write(
      "agent.yaml",
      `agent:
  cluster: edge-a
  server_list: ["${tunnel}"]
`,
    ),
  ]);
  await server.printed(/event=tunnel\.registered/);
  const answer = async (from: string) => {
    const response = await fetch(from);
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await answer(url), 200);

  // Another frontend comes; the flag still goes before the file.
  await Deno.writeTextFile(
    file,
    SERVER.replace('127.0.0.1:0"]', '127.0.0.1:0", "http://localhost:0"]') + "  hold: 9s\n",
  );
  const [, other = ""] = await server.printed(
    /event=frontend\.listening .*(http:\/\/localhost:\d+)/,
  );
  await server.printed(/event=config\.reloaded/);
  assert.equal(await answer(other), 200);
  const { settings, reload } = await config();
  assert.deepEqual(settings.hold, { value: "1s", source: "--hold" });
  assert.equal(settings.clusters.source, `${file}:4:13: server.clusters`);
  assert.deepEqual([reload.reloads, reload.failures, reload.last_error], [1, 0, null]);

  // What is wrong with it is said, and what was there works on.
  await Deno.writeTextFile(file, 'server:\n  listen: [":8080"]\n  clusterz: [edge-a]\n');
  await server.printed(
    /level=error event=config\.refused .*old settings.*revtun\.yaml:3:3: server\.clusterz: unknown key/,
  );
  assert.deepEqual([await answer(url), await answer(other)], [200, 200]);
  assert.match((await config()).reload.last_error, /did you mean clusters\?/);

  // A restart is said to be needed where it is; SIGHUP does not end the process.
  await Deno.writeTextFile(file, SERVER.replace("admin: 127.0.0.1:0", "log_level: debug"));
  server.kill("SIGHUP");
  await server.printed(/event=config\.needs_restart .*settings=admin/);
  assert.equal(await answer(url), 200);
  await until(
    "the frontend to be gone",
    async () => await answer(other).catch(() => "gone") === "gone",
  );

  // The agent follows its file too.
  await Deno.writeTextFile(
    `${scratch.path}/agent.yaml`,
    `agent:
  cluster: edge-a
  server_list: ["${tunnel}"]
  weight: 3
`,
  );
  await server.printed(/event=host\.changed .*weight=3/);
  await agent.printed(/event=config\.reloaded/);
  for (const process of [agent, server]) {
    process.kill("SIGTERM");
    assert.equal((await process.status).code, 0, process.stderr);
    assert.doesNotMatch(process.stderr, /Uncaught|^ +at /m);
  }
});
