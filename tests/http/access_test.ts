/** Who may ask, and that it is decided on the head that is routed and forwarded. */
import assert from "node:assert/strict";
import { AddressList } from "../../lib/address_list.ts";
import { Access } from "../../lib/http/access.ts";
import type { AccessRules, PasswordCheck } from "../../lib/http/access.ts";
import { TrustedProxies } from "../../lib/http/trusted_proxies.ts";
import { settle, until, World } from "./support.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Takes alice's password "s", after as long as the test likes. */
class FakeUsers implements PasswordCheck {
  readonly #verdicts = new Map<string, boolean>();
  checks = 0;
  isRefusing = false;
  gate: Promise<void> = Promise.resolve();

  known(pair: string): boolean | undefined {
    return this.#verdicts.get(pair);
  }

  async check(pair: string): Promise<boolean> {
    this.checks += 1;
    await this.gate;
    if (this.isRefusing) throw new Error("too many");
    this.#verdicts.set(pair, pair === "alice:s");
    return pair === "alice:s";
  }
}

function worldOf(rules: AccessRules, trusted: string[] = []): World {
  return new World({ access: new Access(rules), trustedProxies: new TrustedProxies(trusted) });
}

function basic(pair: string): string {
  return `Basic ${btoa(pair)}`;
}

Deno.test("Access asks for a password once, and keeps it from the target", async () => {
  const users = new FakeUsers();
  using world = worldOf({ users, realm: 'sh"op' });
  const client = world.connect();
  client.write("GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n");
  const asked = await client.read("\r\n\r\n");
  assert.match(asked, /^HTTP\/1\.1 401 Unauthorized\r\n/);
  assert.ok(asked.includes('\r\nWWW-Authenticate: Basic realm="shop", charset="UTF-8"\r\n'), asked);
  client.received = "";
  for (let round = 0; round < 2; round++) {
    client.write(
      `GET /${round} HTTP/1.1\r\nHost: edge-a\r\nauthorization: ${basic("alice:s")}\r\n\r\n`,
    );
    const target = await world.stream(0);
    const seen = await target.read("\r\n\r\n");
    assert.ok(seen.startsWith(`GET /${round} `));
    assert.ok(!/authorization/i.test(seen), seen);
    target.write(OK);
    await client.read("ok");
  }
  assert.equal(users.checks, 1);
});

for (
  const [name, lines] of [
    ["a wrong password", `Authorization: ${basic("alice:x")}\r\n`],
    ["two passwords", `Authorization: ${basic("alice:s")}\r\nAuthorization: ${basic("a:b")}\r\n`],
    ["a password twice", `Authorization: ${basic("alice:s")}\r\n`.repeat(2)],
    ["the proxy's field", `Proxy-Authorization: ${basic("alice:s")}\r\n`],
    ["another scheme", "Authorization: Bearer abc\r\n"],
    ["no base64", "Authorization: Basic a*b\r\n"],
    ["no pair", `Authorization: ${basic("alice")}\r\n`],
    ["a long one", `Authorization: ${basic(`alice:${"s".repeat(1000)}`)}\r\n`],
  ] as const
) {
  Deno.test(`Access refuses ${name}, and forwards nothing`, async () => {
    using world = worldOf({ users: new FakeUsers() });
    for (const line of ["GET / HTTP/1.1", "GET http://edge-a/ HTTP/1.1"]) {
      const client = world.connect();
      client.write(`${line}\r\nHost: edge-a\r\n${lines}\r\n`);
      assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 401"));
    }
    assert.equal(world.upstreams.requests.length, 0);
  });
}

Deno.test("Access takes a password by absolute URL as well, from the same head", async () => {
  using world = worldOf({ users: new FakeUsers() });
  const client = world.connect();
  client.write(
    `GET http://edge-a/x HTTP/1.1\r\nHost: edge-a\r\nAuthorization: ${basic("alice:s")}\r\n\r\n`,
  );
  assert.ok((await (await world.stream(0)).read("\r\n\r\n")).startsWith("GET /x HTTP/1.1\r\n"));
});

Deno.test("A client that waits for its password's check is held, whatever it sends", async () => {
  const users = new FakeUsers();
  using world = worldOf({ users });
  const gate = Promise.withResolvers<void>();
  users.gate = gate.promise;
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: edge-a\r\nAuthorization: ${basic("alice:s")}\r\n` +
    "Content-Length: 4\r\n\r\n";
  const client = world.connect();
  const bytes = `${head("/1")}body${head("/2")}BODY`;
  for (let at = 0; at < bytes.length; at += 7) client.write(bytes.slice(at, at + 7));
  await settle();
  assert.equal(world.upstreams.requests.length, 0);
  gate.resolve();
  const target = await world.stream(0);
  assert.ok((await target.read("body")).startsWith("POST /1 "));
  target.write(OK);
  assert.ok((await target.read("BODY")).startsWith("POST /2 "));
  target.write(OK);
  await client.read("ok");
  await client.read("ok");
  assert.equal(users.checks, 1);
});

Deno.test("A client that leaves during its password's check leaves nothing behind", async () => {
  const users = new FakeUsers();
  using world = worldOf({ users });
  const gate = Promise.withResolvers<void>();
  users.gate = gate.promise;
  const client = world.connect();
  client.write(`GET / HTTP/1.1\r\nHost: edge-a\r\nAuthorization: ${basic("alice:s")}\r\n\r\n`);
  await until(() => users.checks === 1);
  client.duplex.close();
  await until(() => world.frontend.connectionCount === 0);
  gate.resolve();
  await settle();
  assert.equal(world.upstreams.requests.length, 0);
});

Deno.test("A check that takes too long closes the connection, too many are a 503", async () => {
  const users = new FakeUsers();
  using world = worldOf({ users });
  const gate = Promise.withResolvers<void>();
  users.gate = gate.promise;
  const request = `GET / HTTP/1.1\r\nHost: edge-a\r\nAuthorization: ${basic("alice:s")}\r\n\r\n`;
  const slow = world.connect();
  slow.write(request);
  await world.advance(16_000);
  assert.ok(slow.isClosed);
  users.isRefusing = true;
  const other = world.connect();
  other.write(request);
  gate.resolve();
  const answer = await other.read("\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 503 [^]*x-revtun-error: overloaded\r\nRetry-After: 1\r\n/);
});

for (
  const [remote, forwardedFor, status] of [
    ["192.0.2.7", undefined, 200],
    ["198.51.100.1", undefined, 403],
    ["198.51.100.1", "192.0.2.7", 403],
    ["10.0.0.1", "192.0.2.7", 200],
    ["10.0.0.1", "192.0.2.7, 198.51.100.1", 403],
    ["10.0.0.1", "192.0.2.7, nonsense", 403],
    ["10.0.0.1", undefined, 403],
  ] as const
) {
  Deno.test(`Access lets ${remote} for ${forwardedFor ?? "itself"} through with ${status}`, async () => {
    using world = worldOf({ allowed: new AddressList(["192.0.2.0/24"]) }, ["10.0.0.0/8"]);
    const client = world.connect({ kind: "tcp", host: remote, port: 1 });
    const line = forwardedFor === undefined ? "" : `X-Forwarded-For: ${forwardedFor}\r\n`;
    client.write(`GET / HTTP/1.1\r\nHost: edge-a\r\n${line}\r\n`);
    if (status === 200) {
      await (await world.stream(0)).read("\r\n\r\n");
      return;
    }
    const answer = await client.read("\r\n\r\n");
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    assert.ok(answer.includes("x-revtun-error: address-not-allowed\r\n"));
    assert.equal(world.upstreams.requests.length, 0);
  });
}

Deno.test("Access knows clients of unix sockets by the name unix alone", async () => {
  for (const [list, isLetIn] of [[["10.0.0.0/8"], false], [["unix"], true]] as const) {
    using world = worldOf({ allowed: new AddressList(list) });
    const client = world.connect({ kind: "unix", path: "" });
    client.write("GET / HTTP/1.1\r\nHost: edge-a\r\n\r\n");
    if (isLetIn) await (await world.stream(0)).read("\r\n\r\n");
    else assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 403"));
  }
});
