import assert from "node:assert/strict";
import { defaultRoute } from "../../lib/http/default_route.ts";
import { isAnswer } from "../../lib/http/route.ts";
import { FakeUpstreams } from "./support.ts";

function route(clusters: string[], host: string, headers: Record<string, string> = {}): unknown {
  const upstreams = new FakeUpstreams();
  upstreams.clusters = clusters;
  const verdict = defaultRoute(upstreams)({
    method: "GET",
    path: "/",
    host,
    client: undefined,
    isTrusted: false,
    clientIp: "",
    header: (name) => headers[name],
  });
  return isAnswer(verdict) ? verdict.status : verdict.cluster;
}

const named = { "x-revtun-cluster": "b" };

for (
  const [name, verdict, expected] of [
    ["the header", route(["a", "b"], "a", named), "b"],
    ["the header, even of a cluster that is not there", route(["a"], "a", named), "b"],
    ["the first label of Host", route(["a", "b"], "b.example.com:8080"), "b"],
    ["Host without a dot", route(["a", "b"], "b:8080"), "b"],
    ["Host regardless of case if only one fits", route(["Edge-A", "b"], "eDGE-a.x"), "Edge-A"],
    ["Host exactly before regardless of case", route(["Edge", "edge"], "edge.x"), "edge"],
    ["nothing if two fit", route(["Edge", "eDGE"], "edge.x"), 404],
    ["the only one", route(["a"], "localhost:8080"), "a"],
    ["the only one without a Host", route(["a"], ""), "a"],
    ["the only one for an address", route(["a"], "[::1]:80"), "a"],
    ["nothing by an address", route(["a", "127"], "127.0.0.1:80"), 404],
    ["nothing if there is none", route([], "a.x"), 404],
    ["nothing for an odd name", route(["a"], "a", { "x-revtun-cluster": "a b" }), 400],
    ["nothing for an odd target", route(["a"], "a", { "x-revtun-target": "../x" }), 400],
  ] as const
) {
  Deno.test(`defaultRoute() chooses by ${name}`, () => assert.equal(verdict, expected));
}

Deno.test("defaultRoute() passes target and host on, and says how to choose", () => {
  const upstreams = new FakeUpstreams();
  const choose = (headers: Record<string, string>) =>
    defaultRoute(upstreams)({
      method: "GET",
      path: "/",
      host: "x",
      client: undefined,
      isTrusted: false,
      clientIp: "",
      header: (name) => headers[name],
    });
  assert.deepEqual(choose({ "x-revtun-target": "web", "x-revtun-host": "till-7" }), {
    cluster: "edge-a",
    target: "web",
    hostName: "till-7",
  });
  upstreams.clusters = ["a", "b"];
  const answer = choose({});
  assert.ok(isAnswer(answer) && answer.detail.includes("x-revtun-cluster: NAME"));
});
