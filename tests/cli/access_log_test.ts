/** `revtun server --access-log` as a process: its file, its renaming, stdout, and what cannot be. */
import assert from "node:assert/strict";
import { until } from "../agent/support.ts";
import { outputOfCli, spawnCli } from "./spawn_cli.ts";

const LOOPBACK = ["--listen", "127.0.0.1:0/edge-a", "--tunnel", "127.0.0.1:0", "--hold", "0s"];

async function withServer(
  flags: readonly string[],
  use: (
    ask: (path: string) => Promise<void>,
    process: ReturnType<typeof spawnCli>,
  ) => Promise<void>,
): Promise<void> {
  await using process = spawnCli(["server", ...LOOPBACK, ...flags]);
  const [, address] = await process.printed(/event=frontend\.listening .*\/\/([\d.]+:\d+)/);
  const ask = async (path: string) => {
    const response = await fetch(`http://${address}${path}`);
    assert.equal(response.status, 503);
    await response.body?.cancel();
  };
  await use(ask, process);
  process.kill("SIGTERM");
  assert.equal((await process.status).code, 0, process.stderr);
}

Deno.test({
  name: "--access-log writes a file, and another one after a rename and SIGHUP",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/access.log`;
    await withServer(["--access-log", path], async (ask, process) => {
      await ask("/one");
      const read = (name: string) => Deno.readTextFile(name).catch(() => "");
      await until("the first line", async () => /"GET \/one /.test(await read(path)));
      await Deno.rename(path, `${path}.1`);
      process.kill("SIGHUP");
      await process.printed(/event=access_log\.reopened/);
      await ask("/two");
      await until("the second line", async () => /"GET \/two /.test(await read(path)));
      await ask("/last");
      assert.doesNotMatch(await read(`${path}.1`), /two/);
    });
    // What was not written at the end is.
    assert.match(await Deno.readTextFile(path), /"GET \/two .*\n.*"GET \/last .*\n$/);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("--access-log - writes JSON on stdout, apart from the log", async () => {
  await withServer(["--access-log", "-", "--access-log-format", "json"], async (ask, process) => {
    await ask("/out");
    await process.printed(/^\{"ts":.*"path":"\/out"/m);
    const line = JSON.parse(process.stdout.split("\n")[0]!);
    assert.equal(line.error, "no-host");
    assert.doesNotMatch(process.stderr, /"path"/);
  });
});

Deno.test("an access log that cannot be is one line, and exit code 2", async () => {
  const cases: readonly [flags: string[], message: RegExp][] = [
    [["--access-log", "/nowhere/at/all.log"], /--access-log: cannot write to it: .*[Nn]o such/],
    [["--access-log-sample", "2"], /--access-log-sample: "2" is no share, expected a number from/],
    [["--access-log-format", "apache"], /--access-log-format: .*common, json/],
  ];
  for (const [flags, message] of cases) {
    const { code, stderr } = await outputOfCli(["server", ...LOOPBACK, ...flags]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});
