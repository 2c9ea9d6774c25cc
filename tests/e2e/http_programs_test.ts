/** The HTTP frontend between clients and servers that others wrote. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { frontendRig, TestClient } from "../server/frontend_rig.ts";
import type { FrontendRig } from "../server/frontend_rig.ts";
import { ask } from "../http/ask.ts";
import { until } from "../http/support.ts";
import { hasProgram, outputOf } from "../programs.ts";
import { nginxService, nodeService } from "./http_support.ts";

const HAS_CURL = await hasProgram("curl");
const HAS_NGINX = await hasProgram("nginx");
const HAS_WRK = await hasProgram("wrk");

async function rigFor(target: string): Promise<FrontendRig & { url: string }> {
  const rig = await frontendRig({ listen: ["http://127.0.0.1:0"], targets: [target] });
  return Object.assign(rig, { url: `http://${rig.addresses[0]}` });
}

Deno.test({
  name: "curl gets, posts, sends chunks and ranges to nginx and back (needs curl and nginx)",
  ignore: !HAS_CURL || !HAS_NGINX,
  async fn() {
    await using nginx = await nginxService(`
      location = /hello { return 200 "hello\\n"; }
      location = /moved { return 301 /hello; }
      location = /old { return 200 "$server_protocol $http_x_forwarded_for $host\\n"; }
      location /up { proxy_pass http://$http_host; }`);
    await using rig = await rigFor(nginx.address);
    const curl = (...args: string[]) => outputOf("curl", ["-sS", "--max-time", "20", ...args]);
    assert.equal(await curl(`${rig.url}/hello`), "hello\n");
    assert.equal(await curl("-L", `${rig.url}/moved`), "hello\n");
    assert.match(await curl("-I", `${rig.url}/big.bin`), /Content-Length: 3145728\r\n/);
    assert.equal(await curl("-r", "10-19", `${rig.url}/big.bin`), "a".repeat(10));
    assert.equal((await curl(`${rig.url}/big.bin`)).length, 3 << 20);
    assert.match(
      await curl("--http1.0", `${rig.url}/old`),
      /^HTTP\/1\.1 127\.0\.0\.1 127\.0\.0\.1\n/,
    );
    const twice = await curl("-w", "%{num_connects} ", `${rig.url}/hello`, `${rig.url}/hello`);
    assert.equal(twice, "hello\n1 hello\n0 ");
    // nginx has no proxy for this one: what it answers is what the client gets.
    assert.match(await curl("-o", "/dev/null", "-w", "%{http_code}", `${rig.url}/none`), /^404$/);
  },
});

Deno.test({
  name: "wrk's thousands of requests are all answered by nginx (needs wrk and nginx)",
  ignore: !HAS_WRK || !HAS_NGINX,
  async fn() {
    await using nginx = await nginxService('location / { return 200 "hello world\\n"; }');
    await using rig = await rigFor(nginx.address);
    const report = await outputOf("wrk", ["-t1", "-c20", "-d1s", rig.url]);
    assert.doesNotMatch(report, /Socket errors|Non-2xx/);
    assert.ok(Number(/(\d+) requests in/.exec(report)?.[1]) > 100, report);
  },
});

Deno.test({
  name: "curl waits for 100 Continue and sends its body then (needs curl)",
  ignore: !HAS_CURL,
  async fn() {
    await using backend = await nodeService();
    const seen: string[] = [];
    backend.server.on("checkContinue", (message, response) => {
      seen.push(message.headers.expect ?? "");
      response.writeContinue();
      const sum = createHash("sha256");
      message.on("data", (piece: Uint8Array) => sum.update(piece));
      message.on("end", () => response.end(sum.digest("hex")));
    });
    await using rig = await rigFor(backend.address);
    const body = crypto.getRandomValues(new Uint8Array(60_000));
    const args = ["-sS", "--max-time", "20", "-H", "Expect: 100-continue", "--data-binary", "@-"];
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"]]) {
      const answer = await outputOf("curl", [...args, ...more, rig.url], { stdin: body });
      assert.equal(answer, createHash("sha256").update(body).digest("hex"));
    }
    assert.deepEqual(seen, ["100-continue", "100-continue"]);
  },
});

Deno.test("Node's client and server exchange bodies, trailers and interim answers", async () => {
  await using backend = await nodeService((message, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.setHeader("Trailer", "x-sum");
    response.setHeader("x-method", message.method ?? "");
    let size = 0;
    message.on("data", (piece) => {
      size += piece.length;
      response.write(piece);
    });
    message.on("end", () => {
      response.addTrailers({ "x-sum": `${size} ${message.trailers["x-client"] ?? ""}` });
      response.end();
    });
  });
  await using rig = await rigFor(backend.address);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(rig.url);
  for (const size of [0, 1, 70_000, 500_000]) {
    const hints: unknown[] = [];
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request({ hostname, port, agent, method: "POST" }, resolve);
      sent.on("error", reject);
      sent.on("information", (information) => hints.push(information.statusCode));
      sent.setHeader("Trailer", "x-client");
      sent.setHeader("Transfer-Encoding", "chunked");
      sent.addTrailers({ "x-client": "me" });
      sent.end("a".repeat(size));
    });
    let received = 0;
    for await (const piece of response) received += piece.length;
    assert.equal(received, size);
    assert.deepEqual(hints, [103]);
    assert.equal(response.headers["x-method"], "POST");
    assert.deepEqual({ ...response.trailers }, { "x-sum": `${size} me` });
  }
  agent.destroy();
});

Deno.test("ws speaks WebSocket on both ends, large messages, pings and the close code too", async () => {
  await using backend = await nodeService();
  const service = new WebSocketServer({ server: backend.server, perMessageDeflate: true });
  service.on("connection", (socket: WebSocket, message: IncomingMessage) => {
    socket.send(`hello ${message.url}`);
    socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
  });
  await using rig = await rigFor(backend.address);
  const client = new WebSocket(`${rig.url.replace("http", "ws")}/chat?x`);
  const received: Uint8Array[] = [];
  const wake: (() => void)[] = [];
  const next = async () => {
    while (received.length === 0) await new Promise<void>((resolve) => wake.push(resolve));
    return received.shift()!;
  };
  client.on("message", (data: Uint8Array) => {
    received.push(new Uint8Array(data));
    for (const run of wake.splice(0)) run();
  });
  await new Promise((resolve, reject) => {
    client.once("open", resolve);
    client.once("error", reject);
  });
  assert.equal(new TextDecoder().decode(await next()), "hello /chat?x");
  for (const size of [0, 1, 125, 126, 70_000, 2_000_000]) {
    const data = new Uint8Array(size).fill(size & 255);
    client.send(data);
    assert.deepEqual(await next(), data);
  }
  const pong = new Promise((resolve) => client.once("pong", resolve));
  client.ping("are you there");
  await pong;
  const closed = new Promise<[number, string]>((resolve) =>
    client.once("close", (code: number, reason: Uint8Array) => resolve([code, `${reason}`]))
  );
  for (const socket of service.clients) socket.close(4001, "enough");
  assert.deepEqual(await closed, [4001, "enough"]);
  service.close();
});

Deno.test("An upgrade to any protocol keeps the bytes behind the head, and half-close", async () => {
  await using backend = await nodeService();
  backend.server.on("upgrade", (message, socket, head) => {
    const told = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n` +
      `Upgrade: ${message.headers.upgrade}\r\n\r\nearly ${head.length} `;
    socket.write(told);
    let size = head.length;
    socket.on("data", (piece: Uint8Array) => size += piece.length);
    // kubectl exec's way: the far side ends first, and then all of its output comes.
    socket.on("end", () => socket.end(`after the end ${size}`));
  });
  await using rig = await rigFor(backend.address);
  using client = await TestClient.connect(rig.addresses[0]!);
  await client.send(
    "POST /exec HTTP/1.1\r\nHost: k\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nbytes",
  );
  await client.send("more");
  await client.endWriting();
  const text = await client.restText();
  assert.match(
    text,
    /^HTTP\/1\.1 101 [^]*Upgrade: SPDY\/3\.1\r\n[^]*\r\n\r\nearly \d+ after the end 9$/i,
  );
});

Deno.test("An upload of 1 GB passes while its answer streams down", async () => {
  const total = 1 << 30;
  const step = 64 << 20;
  await using backend = await nodeService((message, response) => {
    let [size, told] = [0, 0];
    message.on("data", (piece: Uint8Array) => {
      size += piece.length;
      while (told + step <= size) response.write(`${told += step}\n`);
    });
    message.on("end", () => response.end(`all ${size}\n`));
  });
  await using rig = await rigFor(backend.address);
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(rig.url).port),
  });
  const head = `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`;
  await conn.write(new TextEncoder().encode(head));
  let text = "";
  const wake: (() => void)[] = [];
  const reading = (async () => {
    const buffer = new Uint8Array(64 << 10);
    while (!text.includes("0\r\n\r\n")) {
      const count = await conn.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      for (const run of wake.splice(0)) run();
    }
  })();
  const piece = new Uint8Array(4 << 20);
  for (let sent = 0; sent < total;) {
    for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
    sent += piece.length;
    if (sent % step !== 0) continue;
    // The rest is held back until the answer to this part is here.
    while (!text.includes(`\n${sent}\n`)) await new Promise<void>((resolve) => wake.push(resolve));
  }
  await reading;
  assert.ok(text.includes(`all ${total}\n`), text);
  conn.close();
});

Deno.test("Server-sent events come one by one, and their end when the client leaves", async () => {
  let hasLeft = false;
  let send: (text: string) => void = () => {};
  await using backend = await nodeService((_message, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    send = (text) => response.write(`data: ${text}\n\n`);
    response.on("close", () => hasLeft = true);
  });
  await using rig = await rigFor(backend.address);
  const abort = new AbortController();
  const response = await fetch(rig.url, { signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (const text of ["one", "two", "three"]) {
    send(text);
    assert.equal((await reader.read()).value, `data: ${text}\n\n`);
  }
  abort.abort();
  await reader.read().catch(() => undefined);
  // A client that has only ended its side would be served on: the next events tell.
  await until(() => {
    send("anyone there?");
    return hasLeft;
  }, "the target's learning that the client is gone");
});

Deno.test("A long poll is answered when there is something to say", async () => {
  const polls: (() => void)[] = [];
  await using backend = await nodeService((message, response) => {
    if (message.url === "/poll") polls.push(() => response.end("news"));
    else response.end("other");
  });
  await using rig = await rigFor(backend.address);
  const poll = ask(rig.url, { path: "/poll" });
  // Others are served meanwhile, over the same tunnel connection.
  for (let i = 0; i < 5; i++) assert.equal((await ask(rig.url, { path: "/x" })).body, "other");
  assert.equal(polls.length, 1);
  polls[0]!();
  assert.deepEqual((({ status, body }) => [status, body])(await poll), [200, "news"]);
});
