/** What a server says at its start of who can come in: once, and only where it is odd. */
import assert from "node:assert/strict";
import { spawnCli } from "./spawn_cli.ts";

const SHUT = /level=warn event=server\.shut msg="No agent can register: no cluster is declared/;

/** Everything that a server logs until it listens for clients. */
async function startedWith(args: string[], env: Record<string, string> = {}): Promise<string> {
  await using server = spawnCli(
    ["server", "--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0", ...args],
    { env },
  );
  await server.printed(/event=frontend\.listening/);
  return server.stderr;
}

Deno.test("a server whose agents can name no cluster says so at its start", async () => {
  const env = { REVTUN_TOKEN: "s3cret" };
  const shut = await startedWith([], env);
  assert.match(shut, SHUT);
  assert.match(shut, /give --cluster NAME, or --open-clusters for any/);
  assert.equal(shut.split("server.shut").length, 2);
  for (const args of [["--cluster", "edge-a"], ["--open-clusters"], ["--route", "shop.x=edge-a"]]) {
    assert.doesNotMatch(await startedWith(args, env), SHUT, String(args));
  }
  assert.doesNotMatch(await startedWith([]), SHUT);
});

Deno.test("a server with tokens of single agents says so where none of them names clusters", async () => {
  const folder = await Deno.makeTempDir({ prefix: "revtun-doors-" });
  try {
    const path = `${folder}/tokens`;
    const line = (id: string, more: object) =>
      JSON.stringify({ id, hash: `sha256:${"0".repeat(64)}`, ...more }) + "\n";
    const args = ["--credential", "token-file", "--token-file", path];
    const started = async (text: string) => {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      return await startedWith(args);
    };
    assert.match(await started(line("a", {}) + line("b", { hosts: ["b"] })), SHUT);
    assert.doesNotMatch(await started(line("a", {}) + line("b", { clusters: ["edge-b"] })), SHUT);
    assert.doesNotMatch(await started(""), SHUT);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
