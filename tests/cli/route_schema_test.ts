import assert from "node:assert/strict";
import { runCli } from "./run_cli.ts";

/** What `revtun config check` says of a server's routes. */
async function check(routes: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, `server:\n  routes:\n${routes}\n`);
    const { code, stdout, stderr } = await runCli(["config", "check", file]);
    return (code === 0 ? "good" : stdout + stderr).replaceAll(file, "FILE");
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("routes of a settings file may be short texts and groups of keys", async () => {
  assert.equal(
    await check(`
    - a.test/x=edge-a/web
    - to: { cluster: edge-b, target: t, host: h }
    - host: "{host}.{cluster}.a.test"
      path: /p$
      methods: [POST]
      headers: { x-a: "*" }
      to: { cluster: "{cluster}", host: "{host}" }
      rewrite_prefix: /q
      request_headers: { set: { Host: b.test }, add: { x-b: "1" }, remove: [cookie] }
      response_headers: { remove: [server] }
      hash_by: client
      hold: 0
      timeout: 1m
      idle_timeout: 250ms
      retries: 3`),
    "good",
  );
});

for (
  const [name, routes, problem] of [
    [
      "an unknown key",
      "    - paths: /x\n      to: { cluster: c }",
      /routes\[0\]\.paths: unknown key/,
    ],
    ["no cluster", "    - host: a.test", /routes\[0\]\.to: is missing/],
    ["a duration without unit", "    - to: { cluster: c }\n      hold: 5", /hold: 5 has no unit/],
    ["a bad host", '    - host: "a b"\n      to: { cluster: c }', /"a b" is no host for a route/],
    [
      "a bad field",
      "    - to: { cluster: c }\n      request_headers: { set: { via: x } }",
      /via is for/,
    ],
    ["a bad text", "    - nothing", /"nothing" is no route, expected HOST\/PATH/],
    ["a number of a text", "    - 7", /routes\[0\]: 7 where/],
    [
      "a bad hash",
      "    - to: { cluster: c }\n      hash_by: cookie",
      /neither client nor header:NAME/,
    ],
  ] as const
) {
  Deno.test(`a settings file with ${name} in its routes is refused where it is wrong`, async () => {
    const said = await check(routes);
    assert.match(said, /^(revtun: )?FILE:\d+:\d+: server\./);
    assert.match(said, problem);
  });
}
