/** Peers that take as much as they can of a real server, and good ones beside them. */
import assert from "node:assert/strict";
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { decodeMessage } from "../../lib/codec/decode_message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import type { InitResponse } from "../../lib/codec/message.ts";
import { encodePreface } from "../../lib/codec/preface.ts";
import { silentLog } from "../../lib/log.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SocketDuplex } from "../../lib/transport/socket.ts";
import { claim, connect, handshake, readResponse } from "./claimant.ts";
import { ask, startAgent, startServer } from "./commands.ts";
import type { ServerCommand } from "./commands.ts";

/** Dials from an address of its own on loopback. */
function dialFrom(localAddress: string, address: string): Socket {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = createConnection({ host: hostname, port: Number(port), localAddress });
  // A server may close what it does not read: that is what is tested.
  socket.on("error", () => {});
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, "close");
}

/** Asks one question with a good agent's help: the server works. */
async function works(server: ServerCommand): Promise<void> {
  await using agent = startAgent(server, [], { "REVTUN_TOKEN": "s3cret" });
  await server.process.printed(/event=tunnel\.registered .*host=till-7/);
  assert.equal((await ask(server.url))[0], 200);
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0, agent.stderr);
}

Deno.test("200 silent peers keep nobody out, and are closed after their deadline", async () => {
  const flags = ["--init-timeout", "3s", "--open-clusters"];
  await using server = await startServer(flags, { "REVTUN_TOKEN": "s3cret" });
  const silent = Array.from({ length: 200 }, () => dialFrom("127.0.0.1", server.tunnel));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  // Some say a part of a handshake, byte by byte.
  for (const socket of silent.slice(0, 100)) socket.write(handshake().subarray(0, 7));
  await works(server);
  await Promise.all(silent.map(closed));
});

Deno.test("2,000 handshakes a second from one address keep nobody else out", async () => {
  const flags = ["--open-clusters", "--handshake-rate", "50"];
  await using server = await startServer(flags, { "REVTUN_TOKEN": "s3cret" });
  const guess = handshake({ credential: "guess" });
  let isOver = false;
  let dialled = 0;
  const attack = (async () => {
    while (!isOver) {
      const burst = Array.from({ length: 100 }, () => dialFrom("127.0.0.9", server.tunnel));
      for (const socket of burst) socket.write(guess, () => socket.destroy());
      dialled += burst.length;
      await Promise.all(burst.map(closed));
    }
  })();
  await works(server);
  while (dialled < 2000) await new Promise((resolve) => setTimeout(resolve, 10));
  isOver = true;
  await attack;
  await server.process.printed(/event=limit\.reached .*limit=handshakeRate remote=127\.0\.0\.9/);
  assert.doesNotMatch(server.process.stderr, /limit=\w+ remote=127\.0\.0\.1\b/);
});

Deno.test("who guesses credentials waits for its answers; who knows one does not", async () => {
  const flags = ["--open-clusters", "--free-credential-failures", "3"];
  await using server = await startServer(flags, { "REVTUN_TOKEN": "s3cret" });
  const guess = async (number: number) => {
    const socket = dialFrom("127.0.0.9", server.tunnel);
    socket.write(handshake({ credential: `guess ${number}` }));
    const decoder = new FrameDecoder();
    for await (const chunk of socket) {
      const decoded = decoder.push(chunk);
      if (decoded !== undefined) return decodeMessage(decoded.frame) as InitResponse;
    }
    return undefined;
  };
  const guesses = Array.from({ length: 50 }, (_, number) => guess(number));
  await server.process.printed(/event=limit\.reached .*limit=credentialFailures .*delay_ms=100/);
  await works(server);
  for (let number = 50; number < 70; number++) guesses.push(guess(number));
  const answers = await Promise.all(guesses);
  const unread = answers.filter((answer) => /too many wrong/.test(answer?.hello?.reason ?? ""));
  assert.ok(unread.length >= 10, `${unread.length} guesses were not even looked at`);
  assert.ok(unread.every((answer) => answer?.status === 0 && answer.hello!.retryAfterMs! > 0));
  assert.ok(answers.every((answer) => answer?.status !== 1));
  assert.doesNotMatch(server.process.stderr, /guess \d|s3cret/);
});

Deno.test("an agent has so many connections, streams and words, and no more", async () => {
  await using server = await startServer(["--max-connections-per-agent", "2"]);
  const runtime = createRuntime(silentLog);
  const open = async () => {
    const conn = await connect(server.tunnel);
    await conn.write(handshake());
    assert.equal((await readResponse(conn))?.status, 1);
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const session = new Session(new SocketDuplex(conn, runtime.pool), {
      ...{ role: "dialler", name: "greedy", runtime, budget: new MemoryBudget() },
      onStream: (stream) => stream.close(),
      onClose: () => resolve(),
    });
    return { session, isOver };
  };
  const first = await open();
  const second = await open();
  const third = await claim(server.tunnel);
  assert.deepEqual([third.status, third.isClosed], [0, true]);
  assert.match(third.reason ?? "", /this agent has its 2 connections/);
  await server.process.printed(/event=limit\.reached .*limit=connectionsPerAgent/);

  const quiet = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
  for (let i = 0; i < 100; i++) {
    first.session.open(encodePreface({ kind: "nonsense" })).attach(quiet);
  }
  await server.process.printed(/event=session\.protocol_error .*opens too many streams/);
  await first.isOver;

  const control = second.session.open(encodePreface({ kind: "control" }));
  control.attach(quiet);
  const weight = { clusterName: "edge-a", hostName: "till-7", weight: 3 };
  for (let i = 0; i < 300; i++) control.write(encodeMessage({ type: "adjustWeight", ...weight }));
  await server.process.printed(/event=limit\.reached .*limit=messageRate/);

  second.session.close();
  await second.isOver;
  runtime.timers.close();
  // Places are given back.
  await server.process.printed(/event=tunnel\.closed .*gone=true/);
  assert.equal((await claim(server.tunnel)).status, 1);
});

Deno.test("a host's connection has so many streams", async () => {
  await using server = await startServer([
    ...["--listen", "tcp://127.0.0.1:0/edge-a", "--hold", "0s", "--max-streams", "3"],
  ]);
  const [, tcp = ""] = await server.process.printed(/listening .*frontend=tcp:\/\/([\d.:]+)/);
  await using agent = startAgent(server, ["--connections", "1"]);
  await server.process.printed(/event=tunnel\.registered/);
  const isAnswered = async (socket: Socket) => {
    socket.write("GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n");
    assert.match(String((await once(socket, "data"))[0]), /^HTTP\/1\.1 200/);
  };

  // One of the three is the agent's own, for control: it is there once anything is answered.
  const busy = [dialFrom("127.0.0.2", tcp), dialFrom("127.0.0.2", tcp)];
  for (const socket of busy) await isAnswered(socket);
  await closed(dialFrom("127.0.0.2", tcp));
  await server.process.printed(/event=limit\.reached .*limit=streamsPerSession/);
  for (const socket of busy) await isAnswered(socket);
  for (const socket of busy) socket.destroy();
  await Promise.all(busy.map(closed));
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0, agent.stderr);
});

Deno.test("clients have so many connections, of one address and of all", async () => {
  await using server = await startServer([
    ...["--max-clients-per-address", "4", "--max-clients", "6"],
  ]);
  const dialMany = (count: number, from: string) =>
    Array.from({ length: count }, () => dialFrom(from, server.url.slice(7, -1)));
  const clients = dialMany(5, "127.0.0.3");
  await Promise.race(clients.map(closed));
  await server.process.printed(/limit=clientsPerAddress remote=127\.0\.0\.3/);
  const others = dialMany(3, "127.0.0.4");
  await Promise.race(others.map(closed));
  await server.process.printed(/event=limit\.reached .*limit=clients /);
  for (const socket of [...clients, ...others]) socket.destroy();
  await Promise.all([...clients, ...others].map(closed));
});

Deno.test("an agent's and a frontend's bytes a second are bounded, and all of them arrive", async () => {
  const body = crypto.getRandomValues(new Uint8Array(60_000));
  await using backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(body),
  );
  for (const flag of ["--agent-bandwidth", "--frontend-bandwidth"]) {
    await using server = await startServer([flag, "1MiB"]);
    await using _agent = startAgent(server, ["--target", `127.0.0.1:${backend.addr.port}`]);
    await server.process.printed(/event=tunnel\.registered/);
    const startMs = performance.now();
    for (let i = 0; i < 20; i++) {
      const response = await fetch(server.url, { headers: { connection: "close" } });
      assert.deepEqual(await response.bytes(), body);
    }
    // 1.2 MB less the burst of 256 KiB and what passes on credit, at 1 MiB a second.
    assert.ok(performance.now() - startMs > 500, flag);
  }
});
