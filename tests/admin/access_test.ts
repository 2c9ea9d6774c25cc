import assert from "node:assert/strict";
import { AccessRule } from "../../lib/admin/access.ts";
import { parseOrigin } from "../../lib/admin/origin.ts";
import { Problem } from "../../lib/admin/problem.ts";
import { Secret } from "../../lib/secret.ts";
import { adminRig } from "./rig.ts";

function verdict(
  rule: AccessRule,
  url: string,
  headers: Record<string, string> = {},
): number {
  try {
    const request = new Request(url, { headers });
    rule.checkHost(new URL(url));
    rule.checkOrigin(request, new URL(url));
    rule.checkToken(request);
    return 200;
  } catch (error) {
    assert.ok(error instanceof Problem);
    return error.status;
  }
}

Deno.test("without a token only loopback's names and its own pages get in", () => {
  const rule = new AccessRule("tcp", undefined);
  for (const host of ["127.0.0.1:9901", "localhost:9901", "[::1]:9901", "127.8.8.8"]) {
    assert.equal(verdict(rule, `http://${host}/x`), 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil"]) {
    assert.equal(verdict(rule, `http://${host}/x`), 403, host);
  }
  const url = "http://localhost:9901/x";
  assert.equal(verdict(rule, url, { origin: "http://localhost:9901" }), 200);
  assert.equal(verdict(rule, url, { origin: "http://localhost:9902" }), 403);
  assert.equal(verdict(rule, url, { origin: "null" }), 403);
  assert.equal(verdict(rule, url, { "sec-fetch-site": "cross-site" }), 403);
  // A page on another port of this machine.
  assert.equal(verdict(rule, url, { "sec-fetch-site": "same-site" }), 403);
  assert.equal(verdict(rule, url, { "sec-fetch-site": "same-origin" }), 200);
  assert.equal(verdict(rule, url, { "sec-fetch-site": "none" }), 200);
  assert.equal(verdict(new AccessRule("unix", undefined), "http://anything/x"), 200);
});

Deno.test("with a token that is what counts, whatever the name", () => {
  const rule = new AccessRule("tcp", new Secret("hunter2"));
  const url = "http://revtun.example:9901/x";
  assert.equal(verdict(rule, url), 401);
  assert.equal(verdict(rule, url, { authorization: "Basic hunter2" }), 401);
  assert.equal(verdict(rule, url, { authorization: "Bearer hunter" }), 403);
  assert.equal(verdict(rule, url, { authorization: "Bearer hunter2" }), 200);
  assert.equal(verdict(rule, url, { authorization: "bearer hunter2" }), 200);
  const origin = "http://evil.example";
  assert.equal(verdict(rule, url, { authorization: "Bearer hunter2", origin }), 403);
});

Deno.test("behind a proxy that ends TLS, a page is known by its origin and the browser's word", () => {
  const rule = new AccessRule("tcp", new Secret("hunter2"));
  const url = "http://admin.example.com/x";
  const token = { authorization: "Bearer hunter2" };
  const own = { ...token, origin: "https://admin.example.com" };
  assert.equal(verdict(rule, url, { ...own, "sec-fetch-site": "same-origin" }), 200);
  // Neither alone is enough, and nothing less than the same origin.
  assert.equal(verdict(rule, url, own), 403);
  for (const site of ["none", "same-site", "cross-site", "Same-Origin", "same-origin, none", ""]) {
    assert.equal(verdict(rule, url, { ...own, "sec-fetch-site": site }), 403, site);
  }
  for (
    const origin of [
      ...["https://admin.example.com:8443", "https://evil.example", "null", "https://"],
      ...["https://admin.example.com.evil.example", "https://evil.admin.example.com", ""],
      ...["https://admin.example.com/", "https://admin.example.com@evil.example", "wss://x"],
    ]
  ) {
    const headers = { ...token, origin, "sec-fetch-site": "same-origin" };
    assert.equal(verdict(rule, url, headers), 403, origin);
  }
  // The token is asked for as ever.
  const { authorization: _, ...without } = own;
  assert.equal(verdict(rule, url, { ...without, "sec-fetch-site": "same-origin" }), 401);
});

Deno.test("a name that leads to loopback stays out, whatever its page's headers say", () => {
  const rule = new AccessRule("tcp", undefined, ["https://admin.example.com"]);
  const headers = { origin: "https://evil.example", "sec-fetch-site": "same-origin" };
  assert.equal(verdict(rule, "http://evil.example/x", headers), 403);
  // A proxy that names us loopback: the page is not one of ours for that.
  assert.equal(verdict(rule, "http://127.0.0.1:9901/x", headers), 403);
});

Deno.test("an origin that is named is let in with its name, and no other", () => {
  const rule = new AccessRule("tcp", undefined, ["https://admin.example.com"]);
  const origin = "https://admin.example.com";
  for (const url of ["http://admin.example.com/x", "http://127.0.0.1:9901/x"]) {
    assert.equal(verdict(rule, url), 200, url);
    assert.equal(verdict(rule, url, { origin }), 200, url);
    assert.equal(verdict(rule, url, { origin, "sec-fetch-site": "same-origin" }), 200, url);
    assert.equal(verdict(rule, url, { origin, "sec-fetch-site": "cross-site" }), 403, url);
    assert.equal(verdict(rule, url, { origin: "http://evil.example" }), 403, url);
  }
  assert.equal(verdict(rule, "http://evil.example/x"), 403);
  assert.equal(verdict(rule, "http://127.0.0.1:9901/x", { origin: "http://127.0.0.1:9901" }), 200);
});

Deno.test("parseOrigin() takes scheme, host and port, and says what it wants", () => {
  assert.equal(parseOrigin("https://Admin.Example.com:443"), "https://admin.example.com");
  assert.equal(parseOrigin("http://[::1]:8080/"), "http://[::1]:8080");
  for (
    const text of [
      ...["admin.example.com", "https://a/b", "https://a?b", "https://u@a", "ftp://a", "*", ""],
      ...["https://*.example.com", "null", "https://a#b"],
    ]
  ) assert.throws(() => parseOrigin(text), /is not like https:\/\/admin.example.com/, text);
});

Deno.test("health is for everybody, all else for who has the token", async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  assert.equal((await rig.ask("/healthz")).status, 200);
  assert.equal((await rig.ask("/readyz")).status, 200);
  const answer = await rig.ask("/api/v1/status");
  assert.equal(answer.status, 401);
  assert.ok(!JSON.stringify(answer.json).includes("hunter2"));
  const headers = { authorization: "Bearer hunter2" };
  assert.equal((await rig.ask("/api/v1/status", undefined, { headers })).status, 200);
});

Deno.test("a Host that is none is refused before all else, and is no failure of ours", async () => {
  await using rig = await adminRig({ token: new Secret("hunter2") });
  for (const host of ["[", "a b", "::::", "127.0.0.1:99999"]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(rig.url).port) });
    await conn.write(new TextEncoder().encode(
      `GET /api/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    ));
    const buffer = new Uint8Array(1024);
    const count = await conn.read(buffer) ?? 0;
    assert.match(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1\.1 400 /, host);
  }
  assert.deepEqual(rig.events.latest(100).filter(({ level }) => level === "error"), []);
});
