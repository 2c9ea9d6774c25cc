/** Two agents of one cluster share its requests by weight, and stand in for each other. */
import assert from "node:assert/strict";
import { testRuntime } from "../agent/support.ts";
import { agentProcess, serverProcess } from "./commands.ts";
import { httpBackend } from "./http_backend.ts";
import { HttpClient } from "./http_client.ts";

const REQUESTS = 10_000;
const utf8 = new TextEncoder();

/** Sends rounds of so many requests at once, and counts who answered. */
async function ask(port: number, total: number, concurrency: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const clients = await Promise.all(
    Array.from({ length: concurrency }, () => HttpClient.connect(port)),
  );
  for (let asked = 0; asked < total; asked += concurrency) {
    for (const { status, text } of await Promise.all(clients.map((client) => client.text("/")))) {
      assert.equal(status, 200, text);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  for (const client of clients) client[Symbol.dispose]();
  return counts;
}

Deno.test("agents of weights 1 and 3 share 10,000 requests 1:3; killing either loses none", async () => {
  using runtime = testRuntime();
  await using light = httpBackend(runtime, () => utf8.encode("light"));
  await using heavy = httpBackend(runtime, () => utf8.encode("heavy"));
  await using server = await serverProcess(["127.0.0.1:0/edge-a"], ["--slow-start", "0s"]);
  const [port] = server.ports;
  const start = (name: string, weight: number, target: string) =>
    agentProcess(server.tunnel, [
      ...["--host-name", name, "--weight", `${weight}`, "--target", target],
    ]);
  await using first = await start("light", 1, light.text);
  await using second = await start("heavy", 3, heavy.text);
  await server.process.printed(/(event=tunnel\.registered [^]*){4}\n/);
  for (const concurrency of [1, 50]) {
    const counts = await ask(port!, REQUESTS, concurrency);
    const share = counts.get("light")! / REQUESTS;
    assert.ok(Math.abs(share - 0.25) <= 0.03 * 0.25, `${share} at concurrency ${concurrency}`);
    assert.equal(counts.get("light")! + counts.get("heavy")!, REQUESTS);
  }
  first.kill("SIGKILL");
  assert.deepEqual(await ask(port!, 1000, 10), new Map([["heavy", 1000]]));
  await first.status;
  await using third = await start("light", 1, light.text);
  await server.process.printed(/(event=tunnel\.registered [^]*){6}\n/);
  second.kill("SIGKILL");
  assert.deepEqual(await ask(port!, 1000, 10), new Map([["light", 1000]]));
  for (const ending of [third, server.process]) {
    ending.kill("SIGTERM");
    assert.equal((await ending.status).code, 0, ending.stderr);
  }
});
