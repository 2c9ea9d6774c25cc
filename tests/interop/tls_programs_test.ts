/** curl, openssl and h2load against frontends and tunnel ports: what others' TLS and HTTP/2 make of ours. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { dial } from "../../lib/transport/dial.ts";
import { fingerprintOf } from "../../lib/transport/peer_certificate.ts";
import { hasProgram, runProgram } from "../programs.ts";
import type { Outcome } from "../programs.ts";
import { frontendRig } from "../server/frontend_rig.ts";
import { TestCa } from "../transport/tls_support.ts";

const noCurl = !await hasProgram("curl");
const noOpenssl = !await hasProgram("openssl");
const noH2load = !await hasProgram("h2load");

/** curl to a frontend under the name edge-a.test. */
async function curl(address: string, ca: TestCa, ...args: string[]): Promise<Outcome> {
  const port = address.split(":")[1];
  return await runProgram("curl", [
    ...["--silent", "--show-error", "--max-time", "10", "--noproxy", "*"],
    ...["--cacert", ca.certFile, "--resolve", `edge-a.test:${port}:127.0.0.1`],
    ...["--write-out", " %{http_version} %{http_code}", "--output", "/dev/null", ...args],
    `https://edge-a.test:${port}/`,
  ]);
}

Deno.test({
  name: "curl: HTTP/2 by ALPN, HTTP/1.1, prior knowledge, and client certificates (needs curl)",
  ignore: noCurl,
  async fn() {
    await using ca = await TestCa.make();
    await using others = await TestCa.make();
    const files = [await ca.signFiles("edge", ["edge-a.test"])];
    {
      await using rig = await frontendRig({
        listen: ["https://127.0.0.1:0", "http://127.0.0.1:0"],
        server: { frontendTls: { files } },
      });
      assert.equal((await curl(rig.addresses[0]!, ca, "--http2")).stdout, " 2 200");
      assert.equal((await curl(rig.addresses[0]!, ca, "--http1.1")).stdout, " 1.1 200");
      assert.equal((await curl(rig.addresses[0]!, ca, "--tls-max", "1.2")).stdout, " 2 200");
      assert.notEqual((await curl(rig.addresses[0]!, others)).code, 0);
      const clear = await runProgram("curl", [
        ...["--silent", "--max-time", "10", "--noproxy", "*", "--http2-prior-knowledge"],
        ...["--write-out", " %{http_version} %{http_code}", "--output", "/dev/null"],
        `http://${rig.addresses[1]}/`,
      ]);
      assert.equal(clear.stdout, " 2 200");
    }
    await using rig = await frontendRig({
      listen: ["https://127.0.0.1:0"],
      server: { frontendTls: { files, clientCa: ca.certFile } },
    });
    const own = await ca.signFiles("client", ["client.test"]);
    const foreign = await others.signFiles("client", ["client.test"]);
    const shown = (pair: { cert: string; key: string }) => ["--cert", pair.cert, "--key", pair.key];
    assert.equal((await curl(rig.addresses[0]!, ca, ...shown(own))).stdout, " 2 200");
    assert.notEqual((await curl(rig.addresses[0]!, ca)).code, 0);
    assert.notEqual((await curl(rig.addresses[0]!, ca, ...shown(foreign))).code, 0);
    assert.deepEqual(
      { ...rig.server.stats.tlsHandshakesRefused },
      { noCertificate: 1, untrusted: 1 },
    );
  },
});

Deno.test({
  name: "openssl s_client: versions, chosen certificates and ALPN of the tunnel (needs openssl)",
  ignore: noOpenssl,
  async fn() {
    await using ca = await TestCa.make();
    await using rig = await frontendRig({
      listen: ["https://127.0.0.1:0"],
      server: {
        frontendTls: {
          files: [
            await ca.signFiles("a", ["a.test"]),
            await ca.signFiles("b", ["b.test"]),
          ],
        },
      },
    });
    const client = (...args: string[]) =>
      runProgram("openssl", [
        ...["s_client", "-connect", rig.addresses[0]!, "-CAfile", ca.certFile, ...args],
      ], { stdin: "" });
    for (const name of ["a.test", "b.test"]) {
      const { stdout } = await client("-servername", name, "-alpn", "h2");
      assert.match(stdout, new RegExp(`subject=.*${name}`));
      assert.match(stdout, /ALPN protocol: h2/);
      assert.match(stdout, /TLSv1\.3/);
      assert.match(stdout, /Verify return code: 0 \(ok\)/);
    }
    assert.match((await client("-servername", "a.test", "-tls1_2")).stdout, /TLSv1\.2/);
    const old = await client("-servername", "a.test", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0");
    assert.notEqual(old.code, 0);
    assert.match((await client()).stdout, /subject=.*a\.test/, "the first is for who names nobody");
    assert.doesNotMatch((await client("-servername", "c.test")).stdout, /BEGIN CERTIFICATE/);
  },
});

Deno.test({
  name: "h2load: many requests on few connections, none lost (needs h2load)",
  ignore: noH2load,
  async fn() {
    await using rig = await frontendRig({ listen: ["127.0.0.1:0"] });
    const load = ["-n", "2000", "-c", "4", "-m", "50", `http://${rig.addresses[0]}/`];
    const { stdout } = await runProgram("h2load", load);
    assert.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.equal(rig.server.stats.requests, 2000);
    assert.deepEqual({ ...rig.server.stats.h2Refusals }, {});
  },
});

Deno.test({
  name:
    "a certificate of X.509 version 1 cannot be pinned: its key is not asked for (needs openssl)",
  ignore: noOpenssl,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "revtun-tls-" });
    const [key, request, cert] = ["key", "csr", "pem"].map((name) => `${folder}/old.${name}`);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await runProgram("openssl", [
      "req",
      ...curve,
      "-keyout",
      key!,
      "-out",
      request!,
      "-subj",
      "/CN=old",
    ]);
    // Without extensions openssl makes one of version 1.
    await runProgram("openssl", ["x509", "-req", "-in", request!, "-signkey", key!, "-out", cert!]);
    const pin = fingerprintOf(new X509Certificate(await Deno.readTextFile(cert!)).raw);
    const server = new Deno.Command("openssl", {
      args: ["s_server", "-accept", "127.0.0.1:0", "-cert", cert!, "-key", key!],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const runtime = createRuntime(silentLog);
    const output = server.stdout.getReader();
    try {
      let text = "";
      while (!/ACCEPT \S+:\d+/.test(text)) {
        const { value, done } = await output.read();
        assert.ok(!done, text);
        text += new TextDecoder().decode(value);
      }
      const port = Number(/ACCEPT \S+:(\d+)/.exec(text)![1]);
      const address = { kind: "tcp", host: "127.0.0.1", port } as const;
      await assert.rejects(
        dial(address, runtime, { timeoutMs: 5000, tls: { pins: [pin] } }),
        /of X\.509 version 1, which cannot be pinned/,
      );
    } finally {
      server.kill("SIGKILL");
      await server.stdin.close().catch(() => {});
      await output.cancel();
      await server.status;
      runtime.timers.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
