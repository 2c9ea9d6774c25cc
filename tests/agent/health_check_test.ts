import assert from "node:assert/strict";
import { askForHealth, parseHealthCheck } from "../../lib/agent/health_check.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { TextPeer, until, World } from "../http/support.ts";

for (
  const [name, answer, problem] of [
    ["200", "HTTP/1.1 200 OK\r\n\r\n", undefined],
    ["399", "HTTP/1.1 399 Odd\r\nContent-Length: 5\r\n\r\nhello", undefined],
    ["404", "HTTP/1.1 404 Not Found\r\n\r\n", /^it answers 404$/],
    ["100", "HTTP/1.1 100 Continue\r\n\r\n", /^it answers 100$/],
    ["another protocol", "SSH-2.0-x\r\n", /^its answer is no HTTP: /],
    ["an end", "", /^it closed the connection without an answer$/],
  ] as const
) {
  Deno.test(`askForHealth() takes ${name} for ${problem === undefined ? "well" : "unwell"}`, async () => {
    for (const size of [1000, 1]) {
      using world = new World();
      const [near, far] = memoryPair(["near", "far"]);
      const target = new TextPeer(far);
      const asked = askForHealth(near, { path: "/h", host: "t" }, world.runtime, 1000);
      assert.equal(
        await target.read("\r\n\r\n"),
        "GET /h HTTP/1.1\r\nHost: t\r\nUser-Agent: revtun-health\r\nAccept: */*\r\n" +
          "Connection: close\r\n\r\n",
      );
      for (let at = 0; at < answer.length; at += size) target.write(answer.slice(at, at + size));
      if (answer === "") target.duplex.end();
      const result = await asked;
      if (problem === undefined) assert.equal(result, undefined);
      else assert.match(result ?? "", problem);
      await until(() => target.isClosed);
    }
  });
}

Deno.test("askForHealth() does not wait for ever", async () => {
  using world = new World();
  const [near, far] = memoryPair(["near", "far"]);
  const target = new TextPeer(far);
  const asked = askForHealth(near, { path: "/", host: "t" }, world.runtime, 1000);
  await world.advance(1100);
  assert.equal(await asked, "no answer within 1000 ms");
  await until(() => target.isClosed);
});

Deno.test("parseHealthCheck() reads what a target may say, and nothing else", () => {
  assert.equal(parseHealthCheck(undefined, undefined), undefined);
  assert.deepEqual(parseHealthCheck("tcp", undefined), { path: undefined, intervalMs: 10_000 });
  assert.deepEqual(parseHealthCheck("/h?x", "1m"), { path: "/h?x", intervalMs: 60_000 });
  for (
    const [health, interval] of [
      [undefined, "1s"],
      ["http", undefined],
      ["", undefined],
      ["/a b", undefined],
      ["/a\r\nX: y", undefined],
      ["tcp", "1ms"],
      ["tcp", "soon"],
    ]
  ) assert.throws(() => parseHealthCheck(health, interval), RangeError, `${health} ${interval}`);
});
