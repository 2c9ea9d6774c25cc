/** What the machine itself may lack: room for logs, open files, a clock that is right. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../bench/ports.ts";
import { routeFlags } from "../../npm/route.ts";
import { until } from "../agent/support.ts";
import { outputOfCli } from "../cli/spawn_cli.ts";
import { TestCa } from "../transport/tls_support.ts";
import { faultWorld } from "./fault_world.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

interface ShellProcess extends AsyncDisposable {
  /** What nobody reads otherwise. */
  readonly child: Deno.ChildProcess;
}

/** Starts `revtun` by a shell: `script` has it as `"$@"`. */
function inShell(script: string, args: readonly string[]): ShellProcess {
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", ...routeFlags(), main];
  const child = new Deno.Command("sh", {
    args: ["-c", `exec ${script}`, "sh", ...command, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return {
    child,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.stderr.cancel();
      await child.status;
    },
  };
}

/** Asks until the answer is 200; what else comes in a cluster's first moments is no failure. */
async function answers(url: string, client?: Deno.HttpClient): Promise<void> {
  await until(`200 from ${url}`, async () => {
    try {
      const signal = AbortSignal.timeout(5000);
      const answer = await fetch(url, { signal, ...(client && { client }) });
      await answer.body?.cancel();
      return answer.status === 200;
    } catch {
      return false;
    }
  }, 30_000);
}

/** A server and an agent, each started by its script; both still serve and end well afterwards. */
async function bothServe(
  scripts: { server: string; agent: string },
  during: (urls: { url: string; admin: string }) => Promise<void>,
): Promise<void> {
  const [client, tunnel, admin] = freePorts(3);
  await using server = inShell(scripts.server, [
    "server",
    `--listen=127.0.0.1:${client}`,
    `--tunnel=127.0.0.1:${tunnel}`,
    `--admin=127.0.0.1:${admin}`,
    "--log-level=debug",
  ]);
  await using agent = inShell(scripts.agent, [
    "agent",
    `--server=127.0.0.1:${tunnel}`,
    "--cluster=edge-a",
    "--log-level=debug",
    "--reconnect-base=50ms",
  ]);
  const url = `http://127.0.0.1:${client}/`;
  await answers(url);
  await during({ url, admin: `127.0.0.1:${admin}` });
  await answers(url);
  for (const { child } of [agent, server]) {
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0);
  }
}

Deno.test("a log that cannot be written keeps nothing from being served", onLinux, async (t) => {
  for (
    const [name, redirection] of [
      ["a full disk", "2> /dev/full"],
      ["a closed stderr", "2>&-"],
      ["a reader that has stopped", ""],
    ] as const
  ) {
    await t.step(name, async () => {
      const script = `"$@" ${redirection}`;
      await bothServe({ server: script, agent: script }, async ({ url, admin }) => {
        // Far more than a pipe holds: each request that fails is a line of its own, and more.
        for (let round = 0; round < 20; round++) {
          await Promise.all(Array.from({ length: 50 }, async () => {
            const answer = await fetch(url, { headers: { "x-revtun-cluster": "nowhere" } });
            await answer.body?.cancel();
          }));
        }
        const status = await outputOfCli(["status", `--admin=${admin}`]);
        assert.equal(status.code, 0, status.stderr);
      });
    });
  }
});

Deno.test(
  "out of open files both ends go on, and serve again when there are some",
  onLinux,
  async () => {
    const few = 'sh -c \'ulimit -n 72; exec "$0" "$@"\' "$@"';
    await bothServe({ server: few, agent: few }, async ({ url }) => {
      const { hostname, port } = new URL(url);
      const held: Deno.Conn[] = [];
      for (let count = 0; count < 150; count++) {
        held.push(await Deno.connect({ hostname, port: Number(port) }));
      }
      // Whoever is served meanwhile is served well.
      await Promise.all(held.map(async (conn) => {
        await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).catch(
          () => {},
        );
      }));
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const conn of held) conn.close();
    });
  },
);

Deno.test(
  "more clients than there are open files for do not make an https:// frontend deaf",
  onLinux,
  async () => {
    await using ca = await TestCa.make();
    const pair = await ca.signFiles("localhost", ["localhost"]);
    const [client, tunnel] = freePorts(2);
    await using _server = inShell('sh -c \'ulimit -n 128; exec "$0" "$@"\' "$@"', [
      "server",
      `--listen=https://127.0.0.1:${client}`,
      `--tunnel=127.0.0.1:${tunnel}`,
      `--frontend-cert=${pair.cert}`,
      `--frontend-key=${pair.key}`,
    ]);
    await using _agent = inShell('"$@"', [
      "agent",
      `--server=127.0.0.1:${tunnel}`,
      "--cluster=edge-a",
    ]);
    using trusting = Deno.createHttpClient({ caCerts: [ca.cert], poolMaxIdlePerHost: 0 });
    const url = `https://localhost:${client}/`;
    await answers(url, trusting);
    const held: Deno.Conn[] = [];
    for (let count = 0; count < 150; count++) {
      held.push(await Deno.connect({ hostname: "127.0.0.1", port: client! }));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const conn of held) conn.close();
    await answers(url, trusting);
  },
);

Deno.test("a clock that is set back or forward a day changes nothing of what is served", async () => {
  await using world = await faultWorld((connection) => {
    connection.attach({
      onData() {
        connection.write(
          new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        );
      },
      onEnd: () => connection.close(),
      onDrain() {},
      onClose() {},
    });
  });
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const realNow = Date.now;
  try {
    for (const offsetMs of [-86_400_000, 86_400_000, 0]) {
      Date.now = () => realNow() + offsetMs;
      for (let count = 0; count < 3; count++) {
        const answer = await fetch(world.url, { client });
        assert.equal(await answer.text(), "ok");
        // Beyond the keepalive's time: nobody is taken for dead.
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  } finally {
    Date.now = realNow;
  }
  assert.deepEqual(world.log.of("tunnel.lost"), []);
  await world.atRest();
});
