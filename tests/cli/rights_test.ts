/** What the long-running commands can do once they have begun: their work, and nothing else. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { ask, temporaryFolder } from "../hostile/commands.ts";
import { RIGHTS_FLAGS } from "./fixtures/rights_flags.ts";
import { TestCa } from "../transport/tls_support.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Waits for a line of the log; what its pattern catches. */
type Logged = (pattern: RegExp) => Promise<string>;

/** Starts a command in a process that then tries what it should not; what came of it, and its log. */
async function tryRights(
  args: string[],
  whileItRuns?: (logged: Logged) => Promise<void>,
  env: Record<string, string> = {},
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...RIGHTS_FLAGS, "--quiet", "--no-check", ...routeFlags()],
      ...["tests/cli/fixtures/try_rights.ts", ...args],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", REVTUN_TRIED: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  const logged = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`It ended before its time:\n${log}`);
      text += value;
    }
    await whileItRuns?.(async (pattern) => {
      for (;;) {
        const match = pattern.exec(log);
        if (match !== null) return match[1]!;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    child.kill("SIGTERM");
    while (!(await reader.read()).done);
    await logged;
    assert.equal((await child.status).code, 0, log);
    assert.doesNotMatch(log, /NotCapable|level=error|Uncaught/);
    return JSON.parse(text) as Record<string, string>;
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await Promise.allSettled([reader.cancel(), logged, child.status]);
  }
}

const FORBIDDEN = { run: "forbidden", ffi: "forbidden", sys: "forbidden", env: "forbidden" };
const LISTEN = ["server", "--listen", "127.0.0.1:0", "--tunnel", "127.0.0.1:0"];
const FRONTEND = /frontend\.listening .*\/\/([\d.:]+)/;

Deno.test("a server with nothing to reload can only serve: no file, no program, no dial", async () => {
  const results = await tryRights(LISTEN, async (logged) => {
    // What it is for still works: a client is answered.
    assert.equal((await ask(`http://${await logged(FRONTEND)}/`))[0], 404);
  });
  assert.deepEqual(results, {
    ...FORBIDDEN,
    ...{ read: "forbidden", write: "forbidden", net: "forbidden", listen: "forbidden" },
  });
});

Deno.test("a server keeps what its tokens and its admin endpoint need", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("tokens");
  await Deno.writeTextFile(file, "# none yet\n", { mode: 0o600 });
  const tokens = ["--credential", "token-file", "--token-file", file];
  const results = await tryRights([...LISTEN, ...tokens], async (logged) => {
    await Deno.writeTextFile(file, "# still none\n");
    assert.equal((await ask(`http://${await logged(FRONTEND)}/`))[0], 404);
  });
  assert.deepEqual(results, {
    ...FORBIDDEN,
    ...{ read: "done", write: "done", net: "forbidden", listen: "forbidden" },
  });
  const admin = await tryRights([...LISTEN, "--admin", "127.0.0.1:0"], async (logged) => {
    const address = await logged(/event=admin\.listening .*address=([\d.:]+)/);
    for (const path of ["healthz", "metrics", "api/v1/clusters"]) {
      assert.equal((await ask(`http://${address}/${path}`))[0], 200, path);
    }
  });
  assert.deepEqual([admin.run, admin.ffi, admin.sys], ["forbidden", "forbidden", "forbidden"]);
});

Deno.test("settings are read anew without a right to variables, which still count", async () => {
  await using folder = await temporaryFolder();
  const file = folder.path("revtun.yaml");
  const write = (hold: string) =>
    Deno.writeTextFile(
      file,
      `server:\n  listen: ["127.0.0.1:0"]\n  tunnel: ["127.0.0.1:0"]\n` +
        `  admin: 127.0.0.1:0\n  hold: ${hold}\n`,
      { mode: 0o600 },
    );
  await write("1s");
  const results = await tryRights(["server", "--config", file], async (logged) => {
    const address = await logged(/event=admin\.listening .*address=([\d.:]+)/);
    await write("2s");
    await logged(/event=(config\.reloaded)/);
    const { settings } = await (await fetch(`http://${address}/api/v1/config`)).json();
    assert.equal(settings.hold.value, "2s");
    assert.deepEqual(settings["max_clients"], { value: 7, source: "REVTUN_MAX_CLIENTS" });
  }, { "REVTUN_MAX_CLIENTS": "7" });
  assert.deepEqual([results["env"], results["read"]], ["forbidden", "done"]);
});

Deno.test("a server keeps what the renewal of its frontends' certificates needs", async () => {
  await using ca = await TestCa.make();
  const { cert, key } = await ca.signFiles("edge", ["edge.test"]);
  const tls = ["--listen", "https://127.0.0.1:0", "--frontend-cert", cert, "--frontend-key", key];
  assert.equal((await tryRights([...LISTEN, ...tls])).read, "done");
});

Deno.test("an agent can dial, and reads files only where its settings name some", async () => {
  const agent = ["agent", "--server", "127.0.0.1:9", "--cluster", "edge-a"];
  assert.deepEqual(await tryRights(agent), {
    ...FORBIDDEN,
    ...{ read: "forbidden", write: "forbidden", net: "done", listen: "done" },
  });
  await using folder = await temporaryFolder();
  const token = folder.path("token");
  await Deno.writeTextFile(token, "s3cret", { mode: 0o600 });
  assert.deepEqual(await tryRights([...agent, "--token-file", token]), {
    ...FORBIDDEN,
    ...{ read: "done", write: "forbidden", net: "done", listen: "done" },
  });
});
