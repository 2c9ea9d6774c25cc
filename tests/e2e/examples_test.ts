/** The examples are run as a reader would run them, on ports of their own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { routeFlags } from "../../npm/route.ts";
import { hasProgram } from "./http_support.ts";

const ROOT = new URL("../../", import.meta.url);
const HAS_CURL = await hasProgram("curl", "--version");

/** What each script prints, without the commands that it shows. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "frontends/client_certificates.sh": /^200 by HTTP\/2\n000\n$/,
  "frontends/connect.sh": /^200\n200 200\n403\n$/,
  "frontends/h2.sh": /^200 by HTTP\/2\ngrpc-status: 12\r?\n$/,
  "frontends/proxy_protocol.sh": /^200\nrefused\n$/,
  "frontends/sni.sh": /^200\n000\n$/,
  "frontends/socks5.sh": /^ +cluster +edge-a\nrefused\n$/,
  "frontends/tls_auto.sh": /^ +cluster +edge-a\n$/,
  "frontends/udp.sh": /^<14>hello\n$/,
  "frontends/unix.sh": /^600\n +cluster +edge-a\n$/,
  "http/expose.sh": /^ +cluster +edge-a\n$/,
  "http/health.sh": /^( +agent +well\n){4}$/,
  "http/hold.sh": /^200\n$/,
  "http/routes.sh": /^ +cluster +edge-a\n +cluster +edge-b\n +cluster +edge-a\n404\n$/,
  "http/routes_file.sh":
    /^ +you asked for +GET \/new\/page\?x at inner\.test\nX-Served-By: edge\r?\n +cluster +edge-b\n404\n$/,
  "http/trusted_proxy.sh": /^200\n403\n$/,
  "http/users.sh": /^401\n401\n200\n$/,
};

/** What a script needs beside curl. */
const NEEDS: Readonly<Record<string, string>> = {
  "frontends/client_certificates.sh": "openssl",
  "frontends/sni.sh": "openssl",
  "frontends/udp.sh": "nc",
};
const MISSING = new Set(
  [
    !HAS_CURL && "curl",
    !await hasProgram("openssl", "version") && "openssl",
    !await hasProgram("nc", "-h") && "nc",
  ],
);

Deno.test("every script of examples/frontends and examples/http is run here", async () => {
  const scripts: string[] = [];
  for (const folder of ["frontends", "http"]) {
    for await (const { name } of Deno.readDir(new URL(`examples/${folder}/`, ROOT))) {
      if (name.endsWith(".sh") && name !== "common.sh") scripts.push(`${folder}/${name}`);
    }
  }
  assert.deepEqual(scripts.sort(), Object.keys(PRINTED));
});

for (const [script, pattern] of Object.entries(PRINTED)) {
  const needed = NEEDS[script] === undefined ? [] : [NEEDS[script]];
  Deno.test({
    name: `examples/${script} does what it says (needs ${["curl", ...needed].join(" and ")})`,
    ignore: ["curl", ...needed].some((name) => MISSING.has(name)),
    async fn() {
      const listeners = [0, 1, 2, 3].map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
      const [http, tunnel, exposed, service] = listeners.map((listener) =>
        String(listener.addr.port)
      );
      for (const listener of listeners) listener.close();
      const main = fileURLToPath(new URL("main.ts", ROOT));
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: [fileURLToPath(new URL(`examples/${script}`, ROOT))],
        env: {
          HTTP_PORT: http!,
          TUNNEL_PORT: tunnel!,
          EXPOSED_PORT: exposed!,
          SERVICE_PORT: service!,
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
