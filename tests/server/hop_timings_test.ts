import assert from "node:assert/strict";
import { frontendRig } from "./frontend_rig.ts";

/** An HTTP target that takes its time. */
function slowTarget(ms: number) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async () => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return new Response("slow");
    },
  );
  return {
    name: `127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Durations in a Server-Timing field, in their order. */
function durations(text: string | null): [string, number][] {
  return (text ?? "").split(", ").map((entry) => {
    const match = /^([a-z-]+);dur=([\d.]+)$/.exec(entry);
    assert.ok(match, `"${text}" is no Server-Timing of ours`);
    return [match[1]!, Number(match[2])];
  });
}

async function ask(url: string, headers: Record<string, string> = {}) {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const startMs = performance.now();
  const response = await fetch(url, { headers, client });
  const text = await response.text();
  client.close();
  return {
    status: response.status,
    text,
    timing: response.headers.get("server-timing"),
    totalMs: performance.now() - startMs,
  };
}

const TRACE = { "x-revtun-trace": "n0nce" };

Deno.test("a request that asks for it is told the times of its hops", async (t) => {
  await using target = slowTarget(80);
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0", "127.0.0.1:0/edge-a/dead"],
    targets: [target.name, "dead=127.0.0.1:1"],
    server: { tellsTimings: true },
  });
  const url = `http://${rig.addresses[0]}/`;
  // Its stream is kept, but one that asks gets a new one, so that the dial is seen.
  assert.equal((await ask(url)).timing, null);
  for (let round = 0; round < 2; round++) {
    await t.step(`round ${round + 1}`, async () => {
      const { timing, totalMs } = await ask(url, TRACE);
      const times = durations(timing);
      assert.deepEqual(
        times.map(([name]) => name),
        ["frontend", "queue", "tunnel", "dial", "first-byte"],
      );
      const of = Object.fromEntries(times);
      const sumMs = times.reduce((sum, [, ms]) => sum + ms, 0);
      assert.ok(of["dial"]! > 0, timing!);
      assert.ok(of["tunnel"]! > 0, timing!);
      // The target begins while the answer that it is connected is still on its way.
      assert.ok(of["first-byte"]! >= 20, timing!);
      assert.ok(sumMs <= totalMs + 0.01, `${timing}, but it took ${totalMs} ms in all`);
    });
  }
  await t.step("a target that refuses", async () => {
    const { status, timing, text } = await ask(`http://${rig.addresses[1]}/`, TRACE);
    assert.equal(status, 502, text);
    assert.equal(durations(timing).length, 5);
  });
});

Deno.test("nobody is told the times of hops unless the server is set to", async () => {
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
  const { status, timing } = await ask(`http://${rig.addresses[0]}/`, TRACE);
  assert.equal(status, 200);
  assert.equal(timing, null);
});
