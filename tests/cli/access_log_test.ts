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

Deno.test({
  name:
    "a reload takes another file, format and share over, and loses no line of requests meanwhile",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/revtun.yaml`;
    let version = 0;
    const write = async (accessLog: Record<string, string>) => {
      const settings = { hold: "0s", "drain_timeout": `${++version}s`, ...accessLog };
      const server = { listen: ["127.0.0.1:0/edge-a"], tunnel: ["127.0.0.1:0"], ...settings };
      await Deno.writeTextFile(`${file}.new`, JSON.stringify({ server }));
      await Deno.rename(`${file}.new`, file);
    };
    const [one, two] = [`${folder}/one.log`, `${folder}/two.log`];
    await write({});
    await using process = spawnCli(["server", "--config", file]);
    const [, address] = await process.printed(/event=frontend\.listening .*\/\/([\d.]+:\d+)/);
    let asked = 0;
    let isAsking = true;
    let isCounted = false;
    const asking = Promise.all(Array.from({ length: 4 }, async () => {
      while (isAsking) {
        const response = await fetch(`http://${address}/${isCounted ? ++asked : "x"}`);
        await response.body?.cancel();
      }
    }));
    const reloaded = async (count: number) => {
      await until(
        "a reload",
        () => (process.stderr.match(/event=config\.reloaded/g)?.length ?? 0) >= count,
      );
    };
    const read = (name: string) => Deno.readTextFile(name).catch(() => "");
    await write({ "access_log": one });
    await until("a line", async () => /"GET \/x /.test(await read(one)));
    isCounted = true;
    await write({ "access_log": one, "access_log_format": "json" });
    await until("a line of JSON", async () => /"path":"\/\d+"/.test(await read(one)));
    await write({ "access_log": two, "access_log_format": "json" });
    await until("a line in the other file", async () => /"path":"\/\d+"/.test(await read(two)));
    // What cannot be opened changes nothing.
    await write({ "access_log": "/nowhere/at/all.log" });
    await process.printed(/event=config\.refused .*cannot write to it/);
    await write({ "access_log": two, "access_log_sample": "0" });
    await reloaded(4);
    isAsking = false;
    await asking;
    process.kill("SIGTERM");
    assert.equal((await process.status).code, 0, process.stderr);
    // Answers of revtun's own are written whatever the share.
    const text = await read(one) + await read(two);
    const paths = [...text.matchAll(/"GET \/(\d+) |"path":"\/(\d+)"/g)]
      .map((match) => Number(match[1] ?? match[2])).sort((a, b) => a - b);
    assert.deepEqual(paths, Array.from({ length: asked }, (_, index) => index + 1));
    assert.match(await read(one), /^\S+ - - \[.*\n\{/m);
    assert.match(await read(two), /^\{[^]*\n\S+ - - \[/);
    await Deno.remove(folder, { recursive: true });
  },
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
