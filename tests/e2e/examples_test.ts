/** The examples are run as a reader would run them, on ports of their own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../bench/ports.ts";
import { routeFlags } from "../../npm/route.ts";
import { missingPrograms, runProgram } from "../programs.ts";

const ROOT = new URL("../../", import.meta.url);

/** What each script prints, without the commands that it shows. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "frontends/client_certificates.sh": /^200 by HTTP\/2\n000\n$/,
  "frontends/connect.sh": /^200\n200 200\n403\n$/,
  "frontends/grpc.sh":
    /^hello world\n((one|two|three) for world\n){3}NOT_FOUND\nDEADLINE_EXCEEDED\nthe sleeper was woken\n$/,
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
  "frontends/grpc.sh": "node",
  "frontends/sni.sh": "openssl",
  "frontends/udp.sh": "nc",
};
const MISSING = await missingPrograms("curl", ...Object.values(NEEDS));
/** Deno's own route has no folder of packages, where a script of Node's would find one. */
const HAS_GRPC = await Deno.stat(new URL("node_modules/@grpc/grpc-js", ROOT))
  .then(() => true, () => false);

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
    ignore: ["curl", ...needed].some((name) => MISSING.includes(name)) ||
      script === "frontends/grpc.sh" && !HAS_GRPC,
    async fn() {
      const [http, tunnel, exposed, service] = freePorts(4).map(String);
      const main = fileURLToPath(new URL("main.ts", ROOT));
      const path = fileURLToPath(new URL(`examples/${script}`, ROOT));
      const { code, stdout, stderr } = await runProgram("bash", [path], {
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
      });
      assert.equal(code, 0, stderr);
      assert.match(stdout.replace(/^\$ curl .*\n/gm, ""), pattern, stderr);
    },
  });
}
