/** The settings files of examples/config: each is right, and does what it is for. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { spawnCli } from "../cli/spawn_cli.ts";

const FOLDER = "examples/config";
/** A list of servers, no settings. */
const OTHERS = ["servers.yaml"];
const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => !OTHERS.includes(name)).sort();

Deno.test("the settings files of examples/config are right", async () => {
  assert.ok(files.length >= 6);
  for (const name of files) {
    const { code, stdout } = await runCli(["config", "check", `${FOLDER}/${name}`]);
    assert.equal(code, 0, stdout);
  }
});

Deno.test("server and agents start with the settings of examples/config", async () => {
  await using server = spawnCli([
    ...["server", "--config", `${FOLDER}/server.yaml`],
    ...["--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"],
  ]);
  const [, tunnel = ""] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  for (const name of files.filter((name) => name.startsWith("agent"))) {
    await using agent = spawnCli([
      ...["agent", "--config", `${FOLDER}/${name}`, "--server", tunnel],
    ]);
    await agent.printed(/event=tunnel\.connected/);
    agent.kill("SIGTERM");
    assert.equal((await agent.status).code, 0, `${name}: ${agent.stderr}`);
  }
});
