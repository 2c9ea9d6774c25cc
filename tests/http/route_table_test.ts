import assert from "node:assert/strict";
import fc from "fast-check";
import { formatRouteRule, parseRouteRule } from "../../lib/http/route_rule.ts";
import type { RouteRule } from "../../lib/http/route_rule.ts";
import { RouteTable, tableRoute } from "../../lib/http/route_table.ts";
import type { RequestView } from "../../lib/http/route.ts";
import { FakeUpstreams } from "./support.ts";

const upstreams = new FakeUpstreams();
upstreams.clusters = ["edge-a", "Edge-B", "any"];

function request(url: string, more: Partial<Record<string, string>> = {}): RequestView {
  const slash = url.indexOf("/");
  return {
    method: more["method"] ?? "GET",
    host: url.slice(0, slash),
    path: url.slice(slash),
    client: undefined,
    isTrusted: more["trusted"] !== undefined,
    clientIp: more["ip"] ?? "",
    header: (name) => more[name],
  };
}

/** Where a request goes, as the short form writes it; or the code of the answer. */
function verdictOf(rules: readonly (string | RouteRule)[], view: RequestView): string {
  const table = new RouteTable(
    rules.map((rule) => typeof rule === "string" ? parseRouteRule(rule) : rule),
  );
  const verdict = tableRoute(table, upstreams)(view);
  if ("status" in verdict) return verdict.code;
  const { cluster, target, hostName } = verdict;
  return [cluster, target, hostName].filter((name) => name !== undefined && name !== "").join("/");
}

const TABLE = [
  "shop.example.com/api=edge-a/api",
  "shop.example.com/api/v2=never",
  "shop.example.com/exact$=edge-a/exact",
  "shop.example.com/dir/=edge-a/dir",
  "shop.example.com=edge-a/web",
  "*.example.com/only=edge-a/only",
  "{cluster}.edge.example.com={cluster}",
  "{host}.{cluster}.node.example.com={cluster}/ssh/{host}",
  "*.example.com=any",
  "/health=edge-a/health",
];

for (
  const [url, expected] of [
    ["shop.example.com/api", "edge-a/api"],
    ["shop.example.com/api/v2/x", "edge-a/api"],
    ["shop.example.com/api?x=/exact", "edge-a/api"],
    ["shop.example.com/apis", "edge-a/web"],
    ["shop.example.com/%61pi", "edge-a/web"],
    ["shop.example.com//api", "edge-a/web"],
    ["shop.example.com/x/../api", "edge-a/web"],
    ["shop.example.com/exact", "edge-a/exact"],
    ["shop.example.com/exact?q", "edge-a/exact"],
    ["shop.example.com/exact/", "edge-a/web"],
    ["shop.example.com/dir", "edge-a/web"],
    ["shop.example.com/dir/x", "edge-a/dir"],
    ["SHOP.Example.com:8080/", "edge-a/web"],
    ["shop.example.com./", "edge-a/web"],
    ["example.com/", "no-route"],
    ["xshop.example.com/", "any"],
    ["a.shop.example.com/only", "edge-a/only"],
    ["edge-a.edge.example.com/x", "edge-a"],
    ["edge-b.edge.example.com/x", "Edge-B"],
    ["other.edge.example.com/x", "other"],
    ["a.b.edge.example.com/x", "any"],
    [".edge.example.com/x", "any"],
    ["n1.edge-a.node.example.com/", "edge-a/ssh/n1"],
    ["c';x.edge.example.com/", "bad-name"],
    ["elsewhere/health", "edge-a/health"],
    ["[::1]:80/health/x", "edge-a/health"],
    ["elsewhere/", "no-route"],
    ["/health", "edge-a/health"],
  ] as const
) {
  Deno.test(`RouteTable sends ${url} to ${expected}`, () => {
    assert.equal(verdictOf(TABLE, request(url)), expected);
  });
}

Deno.test("RouteTable looks at methods and headers, and goes on where they differ", () => {
  const table: RouteRule[] = [
    { methods: ["POST", "PUT"], cluster: "writes" },
    { headers: { "X-Canary": "1" }, cluster: "canary" },
    { headers: { "x-debug": "*" }, path: "/d", cluster: "debug" },
    { cluster: "rest" },
  ];
  const at = (url: string, more?: Record<string, string>) => verdictOf(table, request(url, more));
  assert.equal(at("h/", { method: "PUT" }), "writes");
  assert.equal(at("h/", { method: "put" }), "rest");
  assert.equal(at("h/", { "x-canary": "1" }), "canary");
  assert.equal(at("h/", { "x-canary": "1, 1" }), "rest");
  assert.equal(at("h/d", { "x-debug": "" }), "debug");
  assert.equal(at("h/d"), "rest");
});

Deno.test("RouteTable lets only trusted proxies choose by x-revtun headers", () => {
  const wishes = { "x-revtun-cluster": "Edge-B", "x-revtun-host": "n7", "x-revtun-target": "t" };
  assert.equal(verdictOf(["=edge-a"], request("h/", wishes)), "edge-a");
  const trusted = { ...wishes, trusted: "yes" };
  assert.equal(verdictOf(["=edge-a"], request("h/", trusted)), "Edge-B/t/n7");
  const host = { "x-revtun-host": "n7", trusted: "yes" };
  assert.equal(verdictOf(["=edge-a/web"], request("h/", host)), "edge-a/web/n7");
  const bad = { "x-revtun-host": "a b", trusted: "yes" };
  assert.equal(verdictOf(["=edge-a/web"], request("h/", bad)), "bad-name");
});

Deno.test("RouteTable makes hash keys of the client's address or of a header", () => {
  const keyOf = (rule: RouteRule, view: RequestView) => {
    const route = new RouteTable([rule]).find(view, upstreams);
    assert.ok(route !== undefined && !("status" in route));
    return route.hashKey;
  };
  const byClient: RouteRule = { cluster: "c", hashBy: "client" };
  assert.equal(keyOf(byClient, request("h/", { ip: "10.0.0.1" })), "10.0.0.1");
  assert.equal(keyOf(byClient, request("h/")), undefined);
  const byHeader: RouteRule = { cluster: "c", hashBy: { header: "X-User" } };
  assert.equal(keyOf(byHeader, request("h/", { "x-user": "u1" })), "u1");
});

Deno.test("RouteTable asks the fallback where no route is for a request", () => {
  const table = new RouteTable([parseRouteRule("a.example.com=edge-a")]);
  const route = tableRoute(table, upstreams, () => ({ cluster: "fallback", target: "" }));
  assert.deepEqual(route(request("b.example.com/")), { cluster: "fallback", target: "" });
});

for (
  const [text, problem] of [
    ["edge-a", /no route, expected HOST\/PATH=CLUSTER\/TARGET/],
    ["a.example.com=", /"" is not a name/],
    ["a.example.com=c/t/h/x", /more than CLUSTER\/TARGET\/HOST/],
    ["a.example.com:80=c", /no host for a route.*without a port/],
    ["*.*.example.com=c", /no host for a route/],
    ["*=c d", /"c d" is not a name/],
    ["{cluster}={cluster}", /no host for a route/],
    ["{cluster}.x=c", /\{cluster\} is captured and goes nowhere/],
    ["{cluster}.{cluster}.x={cluster}", /captures the same twice/],
    ["a.example.com={cluster}", /\{cluster\} is not captured/],
    ["a.example.com/p?q=c", /"\/p\?q" is no path/],
  ] as const
) {
  Deno.test(`RouteTable refuses ${text}`, () => {
    assert.throws(() => new RouteTable([parseRouteRule(text)]), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, problem);
      return true;
    });
  });
}

Deno.test("formatRouteRule() writes what parseRouteRule() reads", () => {
  for (const text of ["*/=c", "a.example.com/=c/t", "*.x/api$=c/t/h", "*/p=c//h"]) {
    assert.equal(formatRouteRule(parseRouteRule(text)), text);
  }
});

/** What a table means, without any index. */
function naiveFind(rules: readonly RouteRule[], url: string): string | undefined {
  const slash = url.indexOf("/");
  const [host, path] = [url.slice(0, slash), url.slice(slash).split("?")[0]!];
  return rules.find((rule) => {
    const { host: pattern = "*", path: prefix = "/" } = rule;
    const isHost = pattern === "*" || pattern === host ||
      (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)) &&
        host.length > pattern.length - 1);
    const isPath = prefix.endsWith("$")
      ? path === prefix.slice(0, -1)
      : path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
    return isHost && isPath;
  })?.cluster;
}

Deno.test("RouteTable finds what a search from the first rule to the last finds", () => {
  const hosts = fc.constantFrom("*", "a.b", "*.b", "*.a.b", "c.a.b", "b");
  const label = fc.constantFrom("", "x", "y", "xy");
  const path = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) =>
    `/${parts.join("/")}`
  );
  const rule = fc.record({ host: hosts, path, isExact: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 12 }),
      fc.constantFrom("a.b", "c.a.b", "d.c.a.b", "b", "z"),
      path,
      (drawn, host, asked) => {
        const rules = drawn.map(({ host, path, isExact }, index): RouteRule => ({
          host,
          path: isExact ? `${path}$` : path,
          cluster: `c${index}`,
        }));
        const found = new RouteTable(rules).find(request(host + asked), upstreams);
        const cluster = found === undefined || "status" in found ? undefined : found.cluster;
        assert.equal(cluster, naiveFind(rules, host + asked));
      },
    ),
    { numRuns: 2000 },
  );
});
