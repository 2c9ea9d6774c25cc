/** Raw connections, with a stand-in for MOSN's server at the other end. */
import assert from "node:assert/strict";
import { parseTargets } from "../../lib/agent/target.ts";
import type { Duplex } from "../../lib/duplex.ts";
import { HttpReadBuffer } from "../interop/mosn/http_exchange.ts";
import type { HttpMessage } from "../interop/mosn/http_exchange.ts";
import { respond } from "../interop/mosn/stand_in_agent.ts";
import { StandInServer } from "../interop/mosn/stand_in_server.ts";
import { agentFor } from "./agent_for.ts";
import { Backend, deadAddress, Reader, shout, testRuntime, until } from "./support.ts";

/** Answers HTTP/1 requests with what `answer` gives. */
function http(answer: (request: HttpMessage, connection: Duplex) => string) {
  return (connection: Duplex) => {
    const buffer = new HttpReadBuffer();
    connection.attach({
      onData: (bytes) => {
        for (const request of buffer.push(bytes)) {
          connection.write(new TextEncoder().encode(answer(request, connection)));
        }
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  };
}

const mosnAddress = (server: StandInServer) =>
  ({ kind: "tcp", host: "127.0.0.1", port: server.port }) as const;

Deno.test("a raw connection serves request after request over one target connection", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, http((request) => respond(request.startLine)));
  await using server = new StandInServer();
  await using agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("registration", () => server.hosts.size === 1);
  for (let i = 0; i < 3; i++) {
    assert.equal((await server.request(`/${i}`)).body, `GET /${i} HTTP/1.1`);
  }
  assert.equal(backend.connections.length, 1);
  assert.equal(server.frames.length, 1);
  assert.equal(agent.connectionCount, 1);
});

Deno.test("a raw connection serves a request that came in one read with the answer", async () => {
  using runtime = testRuntime();
  const seen: string[] = [];
  await using backend = new Backend(
    runtime,
    http((request) => {
      seen.push(request.startLine);
      return respond("first");
    }),
  );
  await using server = new StandInServer({
    firstRequest: "GET /first HTTP/1.1\r\nHost: edge\r\n\r\n",
  });
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("first request", () => seen.length === 1);
  assert.deepEqual(seen, ["GET /first HTTP/1.1"]);
});

Deno.test("a raw connection outlives a target that ends its idle connection", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, http((request) => respond(request.startLine)));
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("registration", () => server.hosts.size === 1);
  const [host] = server.hosts.keys();
  for (let i = 0; i < 3; i++) {
    assert.equal((await server.request(`/${i}`)).body, `GET /${i} HTTP/1.1`);
    backend.connections.at(-1)!.end();
    await until("its end", () => backend.connections.at(-1)!.isClosed);
  }
  assert.equal(backend.connections.length, 3);
  assert.deepEqual([...server.hosts.keys()], [host]);
});

Deno.test("a raw connection answers 502 with the reason, and recovers with the target", async () => {
  using runtime = testRuntime();
  const { port } = await deadAddress(runtime);
  await using server = new StandInServer();
  await using agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([`127.0.0.1:${port}`]),
  });
  await until("registration", () => server.hosts.size === 1);
  const [host] = server.hosts.keys();
  const down = await server.request("/");
  assert.equal(down.startLine, "HTTP/1.1 502 Bad Gateway");
  assert.match(down.body, /127\.0\.0\.1:\d+: connection refused/);
  await using _backend = new Backend(runtime, http(() => respond("up")), port);
  assert.equal((await server.request("/")).body, "up");
  assert.deepEqual([...server.hosts.keys()], [host]);
  assert.equal(agent.connectionCount, 1);
});

Deno.test("a raw connection ends with an exchange that ends it, and another is dialled", async () => {
  using runtime = testRuntime();
  const answers = [
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ];
  let count = 0;
  await using backend = new Backend(
    runtime,
    http((_request, connection) => {
      queueMicrotask(() => connection.end());
      return answers[count++]!;
    }),
  );
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  for (let i = 0; i < 2; i++) {
    await until("registration", () => server.hosts.size === 1);
    const [host] = server.hosts.keys();
    assert.equal((await server.request("/")).body, "ok");
    await until("another host", () => server.hosts.size === 1 && !server.hosts.has(host!));
  }
  assert.equal((await server.request("/")).body, "ok");
  assert.equal(server.frames.length, 3);
});

Deno.test("a raw connection breaks when its target breaks off in a body", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(
    runtime,
    http((_request, connection) => {
      queueMicrotask(() => connection.end());
      return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    }),
  );
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("registration", () => server.hosts.size === 1);
  await assert.rejects(server.request("/"), /connection closed/);
  await until("another host", () => server.hosts.size === 1);
});

Deno.test("a raw connection passes chunks, bodies and HEAD as they are", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(
    runtime,
    http(({ startLine, body }) => {
      if (startLine.startsWith("HEAD")) return "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n";
      if (startLine.startsWith("POST")) return respond(body);
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    }),
  );
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("registration", () => server.hosts.size === 1);
  const [host] = server.hosts.values();
  assert.equal((await server.request("/")).body, "5\r\nhello\r\n0\r\n\r\n");
  const posted = await server.send(
    host!,
    "POST / HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  );
  assert.equal(posted.body, "3\r\nabc\r\n0\r\n\r\n");
  assert.equal((await server.request("/")).body, "5\r\nhello\r\n0\r\n\r\n");
  assert.equal(backend.connections.length, 1);
});

Deno.test("a raw connection carries another protocol once, half-close included", async () => {
  using runtime = testRuntime();
  await using backend = new Backend(runtime, shout);
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
  });
  await until("registration", () => server.hosts.size === 1);
  const [host] = server.hosts.values();
  await host!.conn.write(new TextEncoder().encode("\x16not http"));
  await until("target connection", () => backend.connections.length === 1);
  await host!.conn.closeWrite();
  await until("end", () => backend.connections[0]!.isClosed);
  await until("another host", () => server.hosts.size === 1 && server.frames.length === 2);
});

Deno.test("an agent's stop tells MOSN in one frame, ends when idle, and waits for an answer", async () => {
  using runtime = testRuntime();
  let answerNow: (() => void) | undefined;
  await using backend = new Backend(runtime, (connection) => {
    const reader = new Reader(connection);
    answerNow = () => reader.write(respond("late"));
  });
  await using server = new StandInServer();
  await using agent = await agentFor(runtime, [mosnAddress(server)], {
    targets: parseTargets([backend.text]),
    connectionNum: 2,
  });
  await until("hosts and aside", () => server.hosts.size === 2 && server.silent.size === 1);
  const addresses = [...server.hosts.keys()];
  const [host] = server.hosts.values();
  const answer = server.send(host!, "GET / HTTP/1.1\r\nHost: edge\r\n\r\n");
  await until("request", () => answerNow !== undefined);
  const closed = agent.close();
  await until("farewell", () => server.frames.length === 3);
  const farewell = server.frames.at(-1)!.payload;
  assert.deepEqual(farewell.addresses.toSorted(), addresses.toSorted());
  assert.equal(farewell.cluster_name, "edge-a");
  await until("one connection's end", () => agent.connectionCount === 1);
  answerNow!();
  assert.equal((await answer).body, "late");
  await closed;
  assert.equal(server.hosts.size, 0);
});

Deno.test("an agent dials its aside connection again, unlike MOSN's", async () => {
  using runtime = testRuntime();
  await using server = new StandInServer();
  await using _agent = await agentFor(runtime, [mosnAddress(server)]);
  const aside = await until("aside", () => server.hosts.size === 1 && [...server.silent][0]);
  aside.close();
  await until("another", () => server.silent.size === 1 && !server.silent.has(aside));
});

Deno.test("an agent that MOSN refuses says why, and does not believe that it is connected", async () => {
  using runtime = testRuntime();
  await using server = new StandInServer({ clusters: ["other"] });
  await using agent = await agentFor(runtime, [mosnAddress(server)]);
  const end = await agent.ended;
  assert.equal(end.reason, "refused");
  assert.match(end.error!.message, /no such cluster/);
  await until("the refused connection to be closed", () => server.connectionCount === 0);
});

Deno.test("an agent registers where MOSN checks credentials", async () => {
  using runtime = testRuntime();
  await using server = new StandInServer({
    validators: { token: (credential, host) => credential === "s3cret" && host === "till-7" },
  });
  const { Secret } = await import("../../lib/secret.ts");
  await using _agent = await agentFor(runtime, [mosnAddress(server)], {
    credentialPolicy: "token",
    credential: new Secret("s3cret"),
  });
  await until("registration", () => server.hosts.size === 1);
});
