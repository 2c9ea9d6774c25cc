import assert from "node:assert/strict";
import { openPage } from "../../lib/agent/own_page.ts";
import { BufferPool } from "../../lib/buffer.ts";
import { Reader, until } from "./support.ts";

const PAGE = (body: string, close = "") =>
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n" +
  `Content-Length: ${body.length}\r\n${close}\r\n${body}`;

Deno.test("the agent's own page answers request after request, bodies or not", async () => {
  const page = new Reader(openPage(new BufferPool(), () => "hello"));
  page.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("answer", () => page.text === PAGE("hello"));
  page.write("POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab");
  page.write("cHEAD / HTTP/1.1\r\nHost: x\r\n");
  page.write("Connection: close\r\n\r\n");
  await page.end();
  const head = PAGE("hello", "Connection: close\r\n").slice(0, -"hello".length);
  assert.equal(page.text, PAGE("hello") + PAGE("hello") + head);
});

Deno.test("the agent's own page refuses what is not HTTP, once", async () => {
  const page = new Reader(openPage(new BufferPool(), () => "hello"));
  page.write("SSH-2.0-OpenSSH_9.2\r\n");
  page.write("more\r\n");
  await page.end();
  assert.match(page.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.equal(page.text.split("HTTP/1.1 ").length, 2);
});

Deno.test("the agent's own page reads no more from a client that does not read", async () => {
  let count = 0;
  const duplex = openPage(new BufferPool(), () => {
    count += 1;
    return "x".repeat(40_000);
  });
  duplex.pause();
  const page = new Reader(duplex);
  for (let i = 0; i < 200; i++) page.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(count < 10, `${count} answers`);
  duplex.resume();
  await until("all answers", () => count === 200);
  duplex.close();
});
