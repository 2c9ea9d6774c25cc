/** A cloud side that asks for more than the edge allows, through the real commands. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "./claimant.ts";
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

/** A server whose clients' bytes reach an agent unread, and that agent with `rules`. */
async function behindTcp(target: string, rules: readonly string[]) {
  const server = await startServer(["--listen", "tcp://127.0.0.1:0/edge-a"]);
  const [, address = ""] = await server.process.printed(/frontend=tcp:\/\/([\d.]+:\d+)/);
  const agent = startAgent(server, ["--target", target, ...rules]);
  await server.process.printed(/event=tunnel\.registered/);
  return {
    agent,
    connect: () => connect(address),
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What comes until the far side ends or breaks the connection. */
async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("chunks that are none end their connection, not the agent", async () => {
  await using backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(await request.text().catch(() => "")),
  );
  await using world = await behindTcp(`127.0.0.1:${backend.addr.port}`, [
    ...["--allow-request", "POST:/api/*"],
  ]);
  const head = "POST /api/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (
    const parts of [[`${head}zz\r\n`], [head, "zz\r\n"], [`${head}1\r\na\r\n`, "1\r\nabc\r\n"]]
  ) {
    using conn = await world.connect();
    for (const part of parts) {
      await conn.write(utf8(part));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // Whatever it is told, it is told that it is over.
    await readAll(conn);
  }
  const conn = await world.connect();
  await conn.write(
    utf8(`${head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")}2\r\nhi\r\n0\r\n\r\n`),
  );
  assert.match(await readAll(conn), /^HTTP\/1\.1 200 [^]*hi/);
  conn.close();
  world.agent.kill("SIGTERM");
  assert.equal((await world.agent.status).code, 0, world.agent.stderr);
});

Deno.test("another protocol begins by the answer to who asked for it, not by words in a body", async () => {
  const seen: string[] = [];
  const sockets: Socket[] = [];
  // A target whose answer goes on with what a client wishes.
  const target = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => seen.push(bytes.toString("latin1")));
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = target.address() as AddressInfo;
    await using world = await behindTcp(`127.0.0.1:${port}`, ["--allow-request", "GET:/api/*"]);
    using conn = await world.connect();
    const isSeen = async (pattern: RegExp) => {
      while (!pattern.test(seen.join(""))) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const heard: string[] = [];
    const hearing = (async () => {
      const buffer = new Uint8Array(4096);
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        heard.push(new TextDecoder().decode(buffer.subarray(0, count)));
      }
    })().catch(() => {});
    await conn.write(utf8("GET /api/echo HTTP/1.1\r\nHost: a\r\n\r\n"));
    await isSeen(/api\/echo/);
    sockets[0]!.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (!heard.join("").includes("1000")) await new Promise((resolve) => setTimeout(resolve, 5));
    const offer = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    await conn.write(utf8(`GET /api/ws HTTP/1.1\r\nHost: a\r\n${offer}\r\n`));
    await isSeen(/api\/ws/);
    sockets[0]!.write("HTTP/1.1 101 says a body\r\n\r\n");
    while (!heard.join("").includes("says")) await new Promise((resolve) => setTimeout(resolve, 5));
    await conn.write(utf8("DELETE /admin HTTP/1.1\r\nHost: a\r\n\r\n"));
    sockets[0]!.write("x".repeat(1000 - 28));
    sockets[0]!.write(
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
    await world.agent.printed(/event=policy\.refused .*method=DELETE path=\/admin/);
    await hearing;
    assert.match(heard.join(""), /HTTP\/1\.1 404 [^]*HTTP\/1\.1 403 [^]*allow-request/);
    assert.doesNotMatch(seen.join(""), /admin/);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => target.close(() => resolve()));
  }
});
