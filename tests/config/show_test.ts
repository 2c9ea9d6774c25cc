import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { Scratch } from "./support.ts";

const AGENT = `agent:
  cluster: edge-a
  server_list: ["cloud:9000"]
  weight: 7
  credential: s3cret
  proxy: http://till-7:s3cret@proxy:3128
  hosting_listener: web
  targets: ["web=127.0.0.1:8000"]
`;

Deno.test("revtun config show has each value with its source, and no secret", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("agent.yaml", AGENT);
  const { code, stdout } = await runCli(
    ["config", "show", file, "--json", "--", "--weight", "5"],
    { env: { REVTUN_KEEPALIVE: "3s", REVTUN_TOKEN: "0ther" } },
  );
  assert.equal(code, 0);
  const { agent, ...others } = JSON.parse(stdout);
  assert.deepEqual(others, {});
  assert.deepEqual(agent.weight, { value: 5, source: "--weight" });
  assert.deepEqual(agent.keepalive, { value: "3s", source: "REVTUN_KEEPALIVE" });
  assert.deepEqual(agent.cluster, { value: "edge-a", source: `${file}:2:12: agent.cluster` });
  assert.deepEqual(agent.mode, { value: "auto", source: "default" });
  assert.equal(agent.proxy.value, "http://till-7:***@proxy:3128");
  assert.deepEqual(agent.credential, { value: "***", source: "REVTUN_TOKEN" });
  assert.doesNotMatch(stdout, /s3cret|0ther/);
});

Deno.test("what revtun config show prints is a settings file of the same values", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("agent.yaml", AGENT.replace(/ {2}credential.*\n/, ""));
  const first = await runCli(["config", "show", file]);
  const copy = await scratch.write("copy.yaml", first.stdout);
  assert.equal(
    (await runCli(["config", "check", copy])).stdout,
    `${copy}: nothing wrong with agent\n`,
  );
  const values = async (path: string) => {
    const { agent } = JSON.parse((await runCli(["config", "show", path, "--json"])).stdout);
    return Object.entries<{ value: unknown }>(agent).map(([key, { value }]) => [key, value]);
  };
  assert.deepEqual(await values(copy), await values(file));
});

Deno.test("revtun config show needs no file, only to be told what of", async () => {
  const told = await runCli(["config", "show", "--section", "server", "--", "--hold", "1s"]);
  assert.match(told.stdout, /^server:\n(.*\n)* {2}hold: "1s" +# --hold\n/);
  const { code, stderr } = await runCli(["config", "show"]);
  assert.equal(code, 2);
  assert.match(stderr, /^revtun: --section: missing/);
});

Deno.test("revtun config without a file, or with an action that is none, says so", async () => {
  assert.equal(
    (await runCli(["config", "check"])).stderr,
    "revtun: FILE: missing, see revtun config --help\n",
  );
  assert.equal(
    (await runCli(["config", "chekc"])).stderr,
    "revtun: chekc: unknown action, did you mean check?\n",
  );
});

Deno.test("flags and environment go before the file, when the agent runs too", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("agent.yaml", "agent:\n  cluster: 'edge-a'\n  enable: false\n");
  const off = await runCli(["agent", "--config", file]);
  assert.equal(off.code, 0, off.stderr);
  const bad = await runCli(["agent", "--config", file], { env: { REVTUN_ENABLE: "true" } });
  assert.match(bad.stderr, /^revtun: --server: missing/);
  const other = await scratch.write("server.yaml", "server: {}\n");
  assert.equal(
    (await runCli(["agent", "--config", other])).stderr,
    `revtun: ${other}: has no section "agent:", only server\n`,
  );
});
