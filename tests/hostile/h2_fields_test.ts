/** Fields whose names and number trip up what makes HTTP/2 of HTTP/1. */
import assert from "node:assert/strict";
import http2 from "node:http2";
import type { IncomingHttpHeaders } from "node:http2";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { frontendRig } from "../server/frontend_rig.ts";

/** Answers each connection by `answer`, whatever it is asked. */
async function target(answer: string): Promise<{ address: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer, "latin1"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

interface Got {
  headers: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  body: string;
}

async function getByH2(address: string): Promise<Got> {
  const session = http2.connect(`http://${address}`);
  const got: Got = { headers: {}, trailers: {}, body: "" };
  try {
    const stream = session.request({ ":path": "/" });
    stream.setEncoding("latin1");
    await new Promise<void>((resolve, reject) => {
      stream.on("response", (headers) => got.headers = headers);
      stream.on("trailers", (trailers) => got.trailers = trailers);
      stream.on("data", (text: string) => got.body += text);
      stream.on("end", resolve);
      stream.on("error", reject);
      session.on("error", reject);
    });
  } finally {
    session.destroy();
  }
  return got;
}

Deno.test("fields that are called as what every object has are passed on as they came", async () => {
  const fields = "constructor: a\r\n__proto__: b\r\nvalueof: c\r\nx-twice: 1\r\nX-Twice: 2\r\n";
  const answer = `HTTP/1.1 200 OK\r\n${fields}transfer-encoding: chunked\r\n\r\n` +
    `2\r\nhi\r\n0\r\n${fields}\r\n`;
  await using raw = await target(answer);
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"], targets: [raw.address] });
  const { headers, trailers, body } = await getByH2(rig.addresses[0]!);
  assert.equal(body, "hi");
  for (const got of [headers, trailers]) {
    const own = Object.entries(got).filter(([name]) => !name.startsWith(":"));
    const named = Object.fromEntries(own.filter(([name]) => !/^(via|date|x-request)/.test(name)));
    assert.equal(named["constructor"], "a");
    assert.equal(Object.getOwnPropertyDescriptor(named, "__proto__")?.value, "b");
    assert.equal(named["valueof"], "c");
    assert.equal(named["x-twice"], "1, 2");
    assert.deepEqual(Object.keys(named).sort(), ["__proto__", "constructor", "valueof", "x-twice"]);
  }
});

Deno.test.each([
  ["beyond ASCII", "x-name: caf\xe9"],
  ["with a tab", "x-name: a\tb"],
  ["empty", "x-name:"],
  ["of a date", "date: Thu, 01 Jan 1970 00:00:00 GMT\r\ndate: Thu, 01 Jan 1970 00:00:01 GMT"],
  ["that two hops add", "x-content-type-options: nosniff\r\nX-Content-Type-Options: nosniff"],
  ["of two types", "content-type: text/plain\r\ncontent-type: text/html"],
  ["of two cookies", "set-cookie: a=1\r\nset-cookie: b=2"],
  ["of a name with odd letters", "x!#$%&'*.^_`|~: a"],
])("an answer with a field %s reaches clients of HTTP/2", async (_, field) => {
  await using raw = await target(`HTTP/1.1 200 OK\r\n${field}\r\ncontent-length: 2\r\n\r\nhi`);
  await using rig = await frontendRig({ listen: ["127.0.0.1:0"], targets: [raw.address] });
  const { headers, body } = await getByH2(rig.addresses[0]!);
  assert.equal(headers[":status"], 200);
  assert.equal(body, "hi");
});

Deno.test("a request with fields of such names reaches a target of HTTP/2 as it is", async () => {
  const server = http2.createServer();
  const asked: IncomingHttpHeaders[] = [];
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    asked.push(headers);
    stream.respond({ ":status": 200 });
    stream.end("hi");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await using _target = {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
  const { port } = server.address() as AddressInfo;
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [`h2c://127.0.0.1:${port}`],
  });
  const [hostname = "", frontPort] = rig.addresses[0]!.split(":");
  using conn = await Deno.connect({ hostname, port: Number(frontPort) });
  const fields = "constructor: a\r\n__proto__: b\r\nUser-Agent: one\r\nUser-Agent: two\r\n";
  await conn.write(
    new TextEncoder().encode(
      `GET / HTTP/1.1\r\nHost: edge-a\r\n${fields}Connection: close\r\n\r\n`,
    ),
  );
  const answer = await new Response(conn.readable).text();
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]!["constructor"], "a");
  assert.equal(Object.getOwnPropertyDescriptor(asked[0], "__proto__")?.value, "b");
  assert.equal(asked[0]!["user-agent"], "one, two");
});
