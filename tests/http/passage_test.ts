/** How requests and answers pass by a route: other paths, other fields, other deadlines. */
import assert from "node:assert/strict";
import type { HeaderChanges } from "../../lib/http/header_edits.ts";
import type { RouteRule } from "../../lib/http/route_rule.ts";
import { RouteTable, tableRoute } from "../../lib/http/route_table.ts";
import { TrustedProxies } from "../../lib/http/trusted_proxies.ts";
import { withoutId, World } from "./support.ts";

const OK = "HTTP/1.1 200 OK\r\nServer: a\r\nX-Old: 1\r\nContent-Length: 2\r\n\r\nok";

function worldOf(rule: RouteRule): World {
  const world = new World({ forwarded: "none" });
  world.frontend.route = tableRoute(new RouteTable([rule]), world.upstreams);
  return world;
}

for (
  const [path, prefix, asked, seen] of [
    ["/api", "/", "/api/x?y=/api", "/x?y=/api"],
    ["/api", "/", "/api", "/"],
    ["/api", "/", "/api?x", "/?x"],
    ["/api", "/v2", "/api/x", "/v2/x"],
    ["/api", "/v2/", "/api/x", "/v2/x"],
    ["/api", "/v2/", "/api", "/v2"],
    ["/api/", "/v2", "/api/x%2f..//", "/v2/x%2f..//"],
    ["/api/", "/", "/api/", "/"],
    ["/", "/v2", "/x", "/v2/x"],
    ["/", "/v2", "http://h?x", "/v2/?x"],
    ["/", "/v2", "http://h/x", "/v2/x"],
    ["/old$", "/new", "/old?x", "/new?x"],
  ] as const
) {
  Deno.test(`A route from ${path} to ${prefix} makes ${seen} of ${asked}`, async () => {
    using world = worldOf({ path, rewritePrefix: prefix, cluster: "edge-a" });
    const client = world.connect();
    client.write(`GET ${asked} HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n`);
    const head = await (await world.stream(0)).read("\r\n\r\n");
    assert.equal(
      withoutId(head),
      `GET ${seen} HTTP/1.1\r\nHost: h\r\nX: 1\r\nVia: 1.1 revtun\r\nX-Request-Id: ID\r\n\r\n`,
    );
  });
}

Deno.test("A route sets, adds and removes fields of requests and answers", async () => {
  using world = worldOf({
    cluster: "edge-a",
    requestHeaders: {
      set: { "Host": "internal:8080", "X-Set": "new", "Authorization": "Bearer t" },
      add: { "X-Add": "2" },
      remove: ["x-gone", "Cookie"],
    },
    responseHeaders: { set: { "Server": "b" }, add: { "X-New": "1" }, remove: ["X-Old"] },
  });
  const client = world.connect();
  client.write(
    "GET / HTTP/1.1\r\nX-SET: old\r\nHost: h\r\nx-set: older\r\nX-Add: 1\r\nX-Gone: 1\r\n" +
      "cookie: a\r\nAuthorization: Basic YTpi\r\n\r\n",
  );
  const target = await world.stream(0);
  assert.equal(
    withoutId(await target.read("\r\n\r\n")),
    "GET / HTTP/1.1\r\nHost: internal:8080\r\nX-Add: 1\r\nVia: 1.1 revtun\r\nX-Request-Id: ID\r\n" +
      "X-Set: new\r\nAuthorization: Bearer t\r\nX-Add: 2\r\n\r\n",
  );
  target.write(OK);
  assert.equal(
    await client.read("ok"),
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: b\r\nX-New: 1\r\n\r\nok",
  );
});

for (
  const [name, changes, problem] of [
    ["a line break in a value", { set: { "X": "a\r\nY: b" } }, /character that no header/],
    ["a name with a space", { add: { "X Y": "a" } }, /no name of a header field/],
    ["a framing field", { set: { "Content-Length": "3" } }, /for the frontend alone/],
    ["its underscored twin", { set: { "x_forwarded_for": "3" } }, /for the frontend alone/],
    ["Connection", { remove: ["connection"] }, /for the frontend alone/],
    ["Host taken out", { remove: ["Host"] }, /Host can be set/],
    ["a Host that is none", { set: { host: "a b" } }, /"a b" is no host/],
  ] as [string, HeaderChanges, RegExp][]
) {
  Deno.test(`A route is refused that changes ${name}`, () => {
    assert.throws(
      () => new RouteTable([{ cluster: "c", requestHeaders: changes }]),
      (error: Error) => error instanceof RangeError && problem.test(error.message),
    );
  });
}

Deno.test("A route's deadline counts in place of the frontend's", async () => {
  using world = worldOf({ cluster: "edge-a", answerTimeoutMs: 1000, retries: 0 });
  const client = world.connect();
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await (await world.stream(0)).read("\r\n\r\n");
  await world.advance(1200);
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 504"));
});

Deno.test("A route without retries sends a request once", async () => {
  using world = worldOf({ cluster: "edge-a", retries: 0 });
  world.upstreams.hosts = ["h1", "h2"];
  const client = world.connect();
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  (await world.stream(0)).duplex.close();
  assert.ok((await client.read("\r\n\r\n")).startsWith("HTTP/1.1 502"));
  assert.equal(world.upstreams.streams.length, 1);
});

Deno.test("Routes are replaced between two requests of a connection", async () => {
  using world = worldOf({ cluster: "edge-a", target: "old" });
  const client = world.connect();
  for (const [index, target] of ["old", "new"].entries()) {
    world.frontend.route = tableRoute(
      new RouteTable([{ cluster: "edge-a", target }]),
      world.upstreams,
    );
    client.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
    const stream = await world.stream(index);
    await stream.read("\r\n\r\n");
    assert.equal(world.upstreams.requests[index]!.target, target);
    stream.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    await client.read("\r\n\r\n");
  }
});

for (
  const [style, trusted, sent, expected] of [
    [
      "forwarded",
      [],
      "Forwarded: for=6.6.6.6\r\n",
      'Forwarded: for=192.0.2.7;proto=http;host="h:81"',
    ],
    [
      "both",
      ["192.0.2.0/24"],
      "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\n",
      "X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\nX-Forwarded-Proto: http\r\n" +
      "X-Forwarded-Host: h:81\r\n" +
      'Forwarded: for=1.1.1.1, for=192.0.2.7;proto=http;host="h:81"',
    ],
    ["none", [], "Forwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil\r\n", undefined],
  ] as const
) {
  Deno.test(`Targets are told of clients in the style ${style}`, async () => {
    using world = new World({ forwarded: style, trustedProxies: new TrustedProxies(trusted) });
    const client = world.connect();
    client.write(`GET / HTTP/1.1\r\nHost: h:81\r\n${sent}\r\n`);
    assert.equal(
      withoutId(await (await world.stream(0)).read("\r\n\r\n")),
      `GET / HTTP/1.1\r\nHost: h:81\r\nVia: 1.1 revtun\r\n${
        expected === undefined ? "" : `${expected}\r\n`
      }X-Request-Id: ID\r\n\r\n`,
    );
  });
}
