/** `revtun server`'s options for HTTP, at work and when they make no sense. */
import assert from "node:assert/strict";
import { ask } from "../http/ask.ts";
import { outputOfCli, spawnCli } from "./spawn_cli.ts";

const LOOPBACK = ["--listen", "http://127.0.0.1:0", "--tunnel", "127.0.0.1:0"];

for (
  const [flags, line] of [
    [["--route", "a.example.com:80=c"], /^revtun: --route: route 1 \(a\.example\.com:80\/=c\): "a/],
    [["--route", "nothing"], /^revtun: --route: "nothing" is no route, expected HOST\/PATH=/],
    [["--cluster", "a", "--route", "=b"], /^revtun: --route: names cluster "b", which is not decl/],
    [["--trusted-proxy", "10.0.0.1/8"], /^revtun: --trusted-proxy: "10.0.0.1\/8" has bits behind/],
    [["--forwarded", "x"], /^revtun: --forwarded: "x" is none of x-forwarded, forwarded, both/],
  ] as const
) {
  Deno.test(`revtun server ${flags.join(" ")} is one line and exit 2`, async () => {
    const { code, stdout, stderr } = await outputOfCli(["server", ...LOOPBACK, ...flags]);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, line);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
  });
}

Deno.test("revtun server --route sends hosts and paths to clusters and targets", async () => {
  await using server = spawnCli([
    "server",
    ...LOOPBACK,
    ...["--route", "shop.example.com/api=edge-a/api", "--route", "{cluster}.edge.test={cluster}"],
    ...["--trusted-proxy", "127.0.0.0/8"],
  ]);
  const [, tunnel = ""] = await server.printed(/event=tunnel\.listening .*address=(\S+)/);
  const [, url = ""] = await server.printed(/event=frontend\.listening .*(http:\/\/[\d.]+:\d+)/);
  const backend = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response(`${request.url} for ${request.headers.get("x-forwarded-for")}`),
  );
  try {
    await using _agent = spawnCli([
      ...["agent", "--server", tunnel, "--cluster", "edge-a"],
      ...["--target", `api=127.0.0.1:${backend.addr.port}`],
    ]);
    await server.printed(/event=tunnel\.registered/);
    const at = (host: string, path = "/") =>
      ask(url, { path, headers: { host, "x-forwarded-for": "203.0.113.9" } });
    const { status, body } = await at("shop.example.com", "/api/x?y");
    assert.equal(status, 200);
    assert.equal(body, "http://shop.example.com/api/x?y for 203.0.113.9, 127.0.0.1");
    assert.match((await at("edge-a.edge.test")).body, /this answer comes from the agent/);
    assert.equal((await at("shop.example.com")).status, 404);
    assert.equal((await at("none.edge.test")).status, 404);
  } finally {
    await backend.shutdown();
  }
});
