/** A cloud side that asks for more than the edge allows, through the real commands. */
import assert from "node:assert/strict";
import { ask, startAgent, startServer, temporaryFolder } from "./commands.ts";

for (const mode of ["mux", "raw"]) {
  Deno.test(`the edge's own rules hold whatever the cloud side asks for, in mode ${mode}`, async () => {
    const seen: string[] = [];
    await using backend = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => {
        seen.push(`${request.method} ${new URL(request.url).pathname}`);
        return new Response("x".repeat(1000));
      },
    );
    await using server = await startServer([]);
    await using agent = startAgent(server, [
      ...["--target", `127.0.0.1:${backend.addr.port}`, "--mode", mode],
      ...["--allow-request", "GET,HEAD:/api/*", "--max-daily-bytes", "20KB"],
    ]);
    await server.process.printed(/event=tunnel\.registered/);
    assert.equal((await ask(`${server.url}api/x`))[0], 200);
    const refused = await fetch(`${server.url}api/x`, { method: "DELETE" });
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /its rule allow-request forbids it/);
    assert.equal((await ask(`${server.url}admin`))[0], 403);
    await agent.printed(/event=policy\.refused .*rule=allow-request .*method=GET path=\/admin/);
    assert.deepEqual(seen, ["GET /api/x"]);
    // Kept connections are looked at request by request.
    for (let i = 0; i < 3; i++) {
      const kept = await fetch(`${server.url}api/${i}`);
      assert.deepEqual([kept.status, (await kept.text()).length], [200, 1000]);
    }
    let last = 200;
    for (let i = 0; i < 30 && last === 200; i++) {
      // The last answer may be cut in the middle.
      last = await ask(`${server.url}api/x`).then(([status]) => status, () => 0);
    }
    assert.notEqual(last, 200, "20 kB are over");
    await agent.printed(/event=policy\.refused .*rule=max-daily-bytes/);
    agent.kill("SIGTERM");
    assert.equal((await agent.status).code, 0, agent.stderr);
  });
}

Deno.test("what the edge allows for a day is not given anew by a restart", async () => {
  await using folder = await temporaryFolder();
  await using backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("x".repeat(4000)),
  );
  await using server = await startServer([]);
  const flags = [
    ...["--target", `127.0.0.1:${backend.addr.port}`],
    ...["--max-daily-bytes", "10KB", "--state-dir", folder.path("")],
  ];
  const answers: number[] = [];
  for (let start = 0; start < 3; start++) {
    await using agent = startAgent(server, flags);
    await agent.printed(/event=tunnel\.connected/);
    const [status, body] = await ask(server.url).catch(() => [0, ""] as const);
    answers.push(status === 200 && body.length === 4000 ? 200 : 0);
    agent.kill("SIGTERM");
    assert.equal((await agent.status).code, 0, agent.stderr);
  }
  // Around midnight the day may be another one in between.
  if (answers[2] === 200) assert.ok(new Date().getUTCHours() === 0, answers.join());
  else assert.deepEqual(answers, [200, 200, 0]);
  const kept = JSON.parse(await Deno.readTextFile(folder.path("day-bytes.edge-a.till-7.json")));
  assert.ok(kept.bytes > 0);
});
