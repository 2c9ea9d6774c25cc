/** HTTP/2 from client to target: a real server and agent, node:http2 on both ends. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import http2 from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { createServer as createHttp1 } from "node:http";
import type { AddressInfo } from "node:net";
import { frontendRig } from "./frontend_rig.ts";

/** A target that speaks HTTP/2 only. */
async function h2Target(
  onStream: (stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<{ address: string; sessions: Set<unknown> } & AsyncDisposable> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** A client of HTTP/2 by prior knowledge. */
async function h2Client(address: string): Promise<ClientHttp2Session & AsyncDisposable> {
  const session = http2.connect(`http://${address}`);
  session.on("error", () => {});
  await new Promise<void>((resolve) => session.once("connect", () => resolve()));
  return Object.assign(session, {
    async [Symbol.asyncDispose]() {
      if (session.destroyed) return;
      const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
      session.destroy();
      await closed;
    },
  });
}

interface Answer {
  headers: IncomingHttpHeaders & { ":status"?: number };
  trailers: IncomingHttpHeaders | undefined;
  body: string;
  rstCode: number | undefined;
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    const answer: Answer = { headers: {}, trailers: undefined, body: "", rstCode: undefined };
    stream.on("response", (headers) => answer.headers = headers as Answer["headers"]);
    stream.on("trailers", (trailers) => answer.trailers = trailers);
    stream.on("data", (bytes) => answer.body += bytes);
    stream.on("error", () => {});
    stream.on("close", () => resolve({ ...answer, rstCode: stream.rstCode }));
  });
}

Deno.test("HTTP/2 by prior knowledge reaches HTTP/1 targets, request by request", async () => {
  const target = createHttp1((request, response) => {
    let body = "";
    request.on("data", (bytes) => body += bytes);
    request.on("end", () => {
      response.setHeader("x-seen", `${request.method} ${request.url} ${request.headers.host}`);
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      if (request.headers["te"] !== undefined) response.setHeader("trailer", "x-sum");
      response.write(`via ${request.headers.via}; ${body.length} bytes`);
      if (request.headers["te"] !== undefined) response.addTrailers({ "x-sum": "42" });
      response.end();
    });
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const port = (target.address() as AddressInfo).port;
  try {
    await using rig = await frontendRig({
      listen: ["127.0.0.1:0"],
      targets: [`127.0.0.1:${port}`],
    });
    await using client = await h2Client(rig.addresses[0]!);
    const get = client.request({ ":path": "/a%20b?c=%2f", ":authority": "edge-a.test" });
    const post = client.request({ ":path": "/post", ":method": "POST", te: "trailers" });
    post.write(Buffer.alloc(200_000));
    post.end(Buffer.alloc(100_000));
    const put = client.request({ ":path": "/put", ":method": "PUT", "content-length": "5" });
    put.end("hello");
    const head = client.request({ ":path": "/", ":method": "HEAD" });
    const [got, posted, putted, headed] = await Promise.all([get, post, put, head].map(answerOf));
    assert.equal(got!.headers[":status"], 200);
    assert.equal(got!.headers["x-seen"], "GET /a%20b?c=%2f edge-a.test");
    assert.deepEqual(got!.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(got!.headers["connection"], undefined);
    assert.equal(got!.headers["transfer-encoding"], undefined);
    assert.equal(got!.body, "via 1.1 revtun; 0 bytes");
    assert.equal(posted!.body, "via 1.1 revtun; 300000 bytes");
    assert.equal(posted!.trailers?.["x-sum"], "42");
    assert.equal(putted!.body, "via 1.1 revtun; 5 bytes");
    assert.equal(headed!.headers[":status"], 200);
    assert.equal(headed!.body, "");
    assert.equal(rig.server.stats.requests, 4);
    // One connection of the client, however many requests.
    assert.equal(rig.server.gauges.clients, 1);
  } finally {
    target.close();
    target.closeAllConnections();
  }
});

Deno.test("h2c:// targets get HTTP/2, from clients of either version, over one connection", async () => {
  await using target = await h2Target((stream, headers) => {
    stream.respond({ ":status": 200, "x-path": headers[":path"] }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
    stream.on("data", (bytes) => stream.write(bytes));
    stream.on("end", () => stream.end("."));
  });
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [`h2c://${target.address}`],
  });
  await using client = await h2Client(rig.addresses[0]!);
  const streams = Array.from({ length: 20 }, (_, index) => {
    const stream = client.request({ ":path": `/${index}`, ":method": "POST", te: "trailers" });
    stream.end(`body ${index}`);
    return stream;
  });
  const answers = await Promise.all(streams.map(answerOf));
  answers.forEach((answer, index) => {
    assert.equal(answer.headers["x-path"], `/${index}`);
    assert.equal(answer.body, `body ${index}.`);
    assert.equal(answer.trailers?.["x-sum"], "42");
  });
  const response = await fetch(`http://${rig.addresses[0]}/h1`, { method: "POST", body: "one" });
  assert.equal(response.headers.get("x-path"), "/h1");
  assert.equal(await response.text(), "one.");
  assert.equal(target.sessions.size, 1);
});

Deno.test("both directions of a stream pass at once, and a cut passes on", async () => {
  const cut: number[] = [];
  await using target = await h2Target((stream, headers) => {
    if (headers[":path"] === "/reset") {
      stream.close(0xb);
      return;
    }
    stream.respond({ ":status": 200 });
    stream.on("data", (bytes) => stream.write(`echo ${bytes}`));
    stream.on("close", () => cut.push(stream.rstCode ?? -1));
  });
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [`h2c://${target.address}`],
  });
  await using client = await h2Client(rig.addresses[0]!);
  const stream = client.request({ ":path": "/", ":method": "POST" });
  stream.on("error", () => {});
  for (let i = 0; i < 3; i++) {
    stream.write(`${i}`);
    const bytes = await new Promise<Buffer>((resolve) => stream.once("data", resolve));
    assert.equal(String(bytes), `echo ${i}`);
  }
  const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  stream.close(8);
  await closed;
  while (cut.length === 0) await new Promise<void>((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(cut, [8]);

  const reset = await answerOf(client.request({ ":path": "/reset" }));
  assert.equal(reset.headers[":status"], 502);
  assert.match(reset.body, /The target cut the request off/);
});

Deno.test("a body of many megabytes comes to a reader that takes its time", async () => {
  const size = 8 << 20;
  const target = createHttp1((_, response) => response.end(Buffer.alloc(size, "x")));
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = target.address() as AddressInfo;
    await using h2c = await h2Target((stream) => {
      stream.respond({ ":status": 200 });
      stream.end(Buffer.alloc(size, "x"));
    });
    await using rig = await frontendRig({
      listen: ["127.0.0.1:0"],
      targets: [`127.0.0.1:${port}`, `grpc=h2c://${h2c.address}`],
    });
    await using client = await h2Client(rig.addresses[0]!);
    for (const name of ["", "grpc"]) {
      const stream = client.request({ ":path": "/", ...(name && { "x-revtun-target": name }) });
      let received = 0;
      for await (const bytes of stream) {
        received += bytes.length;
        if (received % 7 === 0) await new Promise((done) => setTimeout(done, 1));
      }
      assert.equal(received, size, name);
    }
  } finally {
    target.close();
    target.closeAllConnections();
  }
});

Deno.test("what goes wrong on the way is the same answer as for HTTP/1", async () => {
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: ["127.0.0.1:1", "grpc=h2c://127.0.0.1:1"],
  });
  await using client = await h2Client(rig.addresses[0]!);
  const refused = await answerOf(client.request({ ":path": "/" }));
  assert.equal(refused.headers[":status"], 502);
  assert.equal(refused.headers["x-revtun-error"], "target-refused");
  const overH2 = await answerOf(client.request({ ":path": "/", "x-revtun-target": "grpc" }));
  assert.equal(overH2.headers[":status"], 502);
  assert.equal(overH2.headers["x-revtun-error"], "target-refused");
  const call = await answerOf(client.request({
    ":path": "/s/m",
    ":method": "POST",
    "content-type": "application/grpc",
  }, { endStream: true }));
  assert.equal(call.headers[":status"], 200);
  assert.equal(call.headers["grpc-status"], "14");
  assert.match(String(call.headers["grpc-message"]), /target-refused/);
  const unknown = await answerOf(client.request({ ":path": "/", "x-revtun-cluster": "nobody" }));
  assert.equal(unknown.headers[":status"], 404);
});
