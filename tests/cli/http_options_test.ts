/** `revtun server`'s options for HTTP, at work and when they make no sense. */
import assert from "node:assert/strict";
import { ask } from "../http/ask.ts";
import { runCli } from "./run_cli.ts";
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
    ...["--trusted-proxy", "127.0.0.0/8", "--max-body", "1KiB"],
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
    const large = { method: "POST", headers: { host: "edge-a.edge.test" }, body: "a".repeat(1025) };
    assert.equal((await ask(url, large)).status, 413);
    assert.equal((await at("none.edge.test")).status, 404);
  } finally {
    await backend.shutdown();
  }
});

Deno.test("A frontend with users and networks lets in who is on both lists", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/users`;
  const write = async (password: string) => {
    const line = await runCli(["hash-password", "alice", "--rounds", "1000"], { stdin: password });
    await Deno.writeTextFile(`${file}.new`, line.stdout, { mode: 0o600 });
    await Deno.rename(`${file}.new`, file);
  };
  await write("old");
  try {
    await using server = spawnCli([
      ...["server", "--tunnel", "127.0.0.1:0"],
      ...["--listen", `http://127.0.0.1:0?users=${file}&realm=edge&allow=::1,127.0.0.0/8`],
      ...["--listen", "http://127.0.0.1:0?allow=10.0.0.0/8"],
    ]);
    const pattern = /event=frontend\.listening .*?frontend="?(http:\/\/[\d.]+:\d+)\?(users|allow)/;
    const urls: string[] = [];
    for (const kind of ["users", "allow"]) {
      const match = await server.printed(new RegExp(pattern.source.replace("users|allow", kind)));
      urls.push(match[1]!);
    }
    const at = (index: number, password?: string) =>
      ask(urls[index]!, {
        headers: password === undefined
          ? {}
          : { authorization: `Basic ${btoa(`alice:${password}`)}` },
      });
    const asked = await at(0);
    assert.equal(asked.status, 401);
    assert.equal(asked.headers["www-authenticate"], 'Basic realm="edge", charset="UTF-8"');
    // No cluster is there: the request has passed the door.
    assert.equal((await at(0, "old")).status, 404);
    assert.equal((await at(0, "new")).status, 401);
    assert.equal((await at(1)).status, 403);
    await write("new");
    await server.printed(/event=users\.reloaded .*users=1/);
    assert.equal((await at(0, "new")).status, 404);
    assert.equal((await at(0, "old")).status, 401);
    assert.doesNotMatch(server.stderr, /pbkdf2|Uncaught/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (
  const [option, code, line] of [
    ["users=/nowhere/users", 2, /^revtun: frontend users: \/nowhere\/users is not there\n$/],
    ["users=", 2, /^revtun: --listen: users= says nothing\n$/],
    ["allow=10.0.0.1/8", 2, /^revtun: --listen: "10\.0\.0\.1\/8" has bits behind its prefix/],
    [
      "user=x",
      2,
      /^revtun: --listen: option "user" of http:\/\/ is unknown, expected allow, users/,
    ],
  ] as const
) {
  Deno.test(`revtun server --listen 'http://…?${option}' is one line and exit ${code}`, async () => {
    const listen = ["--listen", `http://127.0.0.1:0?${option}`, "--tunnel", "127.0.0.1:0"];
    const result = await outputOfCli(["server", "--log-level", "error", ...listen]);
    assert.equal(result.code, code);
    assert.match(result.stderr, line);
  });
}
