/** The examples are run as a reader would run them, on ports of their own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { hasProgram } from "./http_support.ts";

const ROOT = new URL("../../", import.meta.url);
const HAS_CURL = await hasProgram("curl", "--version");

/** What each script prints, without the commands that it shows. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "http/expose.sh": /^ +cluster +edge-a\n$/,
  "http/health.sh": /^( +agent +well\n){4}$/,
  "http/hold.sh": /^200\n$/,
  "http/routes.sh": /^ +cluster +edge-a\n +cluster +edge-b\n +cluster +edge-a\n404\n$/,
  "http/routes_file.sh":
    /^ +you asked for +GET \/new\/page\?x at inner\.test\nX-Served-By: edge\r?\n +cluster +edge-b\n404\n$/,
  "http/trusted_proxy.sh": /^200\n403\n$/,
  "http/users.sh": /^401\n401\n200\n$/,
};

Deno.test("every script of examples/http is run here", async () => {
  const scripts: string[] = [];
  for await (const { name } of Deno.readDir(new URL("examples/http/", ROOT))) {
    if (name.endsWith(".sh") && name !== "common.sh") scripts.push(`http/${name}`);
  }
  assert.deepEqual(scripts.sort(), Object.keys(PRINTED));
});

for (const [script, pattern] of Object.entries(PRINTED)) {
  Deno.test({
    name: `examples/${script} does what it says (needs curl)`,
    ignore: !HAS_CURL,
    async fn() {
      const listeners = [0, 1, 2].map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
      const [http, tunnel, exposed] = listeners.map((listener) => String(listener.addr.port));
      for (const listener of listeners) listener.close();
      const main = fileURLToPath(new URL("main.ts", ROOT));
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: [fileURLToPath(new URL(`examples/${script}`, ROOT))],
        env: {
          HTTP_PORT: http!,
          TUNNEL_PORT: tunnel!,
          EXPOSED_PORT: exposed!,
          REVTUN: [Deno.execPath(), "run", "-A", "-q", "--no-check", ...routeFlags(), main].join(
            " ",
          ),
        },
        cwd: fileURLToPath(ROOT),
      }).output();
      const [text = "", problems = ""] = [stdout, stderr].map((bytes) =>
        new TextDecoder().decode(bytes)
      );
      assert.equal(code, 0, problems);
      assert.match(text.replace(/^\$ curl .*\n/gm, ""), pattern, problems);
    },
  });
}
