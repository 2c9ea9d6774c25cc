import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { listen } from "../../lib/transport/listen.ts";
import { EventLog, testRuntime, until } from "../agent/support.ts";

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

Deno.test("a connection whose handler throws is closed, the next one is served", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  let count = 0;
  const listener = listen(LOOPBACK, runtime, {
    onConnection: (connection) => {
      if (++count === 1) throw new Error("a mistake of ours");
      connection.attach({
        onData() {},
        onEnd: () => connection.close(),
        onDrain() {},
        onClose() {},
      });
      connection.write(new TextEncoder().encode("hello"));
    },
  });
  assert.ok(listener.address.kind === "tcp");
  const { port } = listener.address;
  assert.equal(await firstWords(port), undefined);
  assert.equal(await firstWords(port), "hello");
  assert.equal(log.of("listener.connection_failed").length, 1);
  await listener.close();
});

const FEW_FILES = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "a listener out of files says so once and goes on when there are some again (needs Linux)",
  FEW_FILES,
  async () => {
    const fixture = fileURLToPath(new URL("fixtures/greeting_listener.ts", import.meta.url));
    const command = [Deno.execPath(), "run", "-A", "--no-check", ...routeFlags(), fixture];
    const child = new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 64; exec "$@"', "sh", ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let printed = "";
    let logged = "";
    const readers = Promise.all([
      readTo(child.stdout, (text) => printed += text),
      readTo(child.stderr, (text) => logged += text),
    ]);
    try {
      const port = Number(await until("a port", () => /^\d+\n/.exec(printed)?.[0], 20_000));
      const held: Deno.Conn[] = [];
      for (let i = 0; i < 100; i++) held.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      await until("the line", () => logged.includes("listener.exhausted"));
      for (const conn of held) conn.close();
      assert.equal(await firstWords(port), "hello");
    } finally {
      await child.stdin.close();
      const { code } = await child.status;
      await readers;
      assert.equal(code, 0, logged);
    }
    assert.equal(logged.split("listener.exhausted").length - 1, 1, logged);
  },
);

async function firstWords(port: number): Promise<string | undefined> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new Uint8Array(64);
  const count = await conn.read(bytes).catch(() => null);
  return count === null ? undefined : new TextDecoder().decode(bytes.subarray(0, count));
}

async function readTo(
  stream: ReadableStream<Uint8Array>,
  add: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}
