import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { ConfigError } from "../../lib/errors.ts";
import type { KeyPairFiles } from "../../lib/transport/certificate_store.ts";
import { CertificateStore } from "../../lib/transport/certificate_store.ts";
import { dial } from "../../lib/transport/dial.ts";
import { readTlsClient } from "../../lib/transport/tls_client_files.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { silentLog } from "../../lib/log.ts";
import { EventLog } from "../agent/support.ts";
import { TestCa, TestPeer, TlsRig } from "./tls_support.ts";

/** The names in the certificate that a client is shown. */
async function namesShown(rig: TlsRig, ca: TestCa): Promise<string | undefined> {
  let names: string | undefined;
  const connection = await dial(rig.address, rig.runtime, {
    timeoutMs: 5000,
    tls: {
      ca: ca.cert,
      isInsecure: true,
      onChain: ([leaf]: readonly X509Certificate[]) => names = leaf?.subjectAltName,
    },
  });
  connection.close();
  return names;
}

Deno.test("renewed files are used without a restart, and connections stay", async () => {
  await using ca = await TestCa.make();
  const log = new EventLog();
  await using rig = await TlsRig.open([await ca.signFiles("edge", ["old.test"])], { log });
  const tls = { ca: ca.cert, serverName: "old.test" };
  const old = new TestPeer(await dial(rig.address, rig.runtime, { timeoutMs: 5000, tls }));
  assert.equal(await namesShown(rig, ca), "DNS:old.test");

  await ca.signFiles("edge", ["renewed.test"]);
  assert.ok(await rig.store.reload());
  assert.equal(await namesShown(rig, ca), "DNS:renewed.test");
  old.write("still here");
  const server = await rig.connection();
  await server.until(() => server.text === "still here");
  old.connection.close();
  assert.equal(log.events.filter(({ event }) => event === "tls.reloaded").length, 1);
});

Deno.test("a renewed pair that does not match leaves the old one, and says so once", async () => {
  await using ca = await TestCa.make();
  const log = new EventLog();
  const files = await ca.signFiles("edge", ["old.test"]);
  await using rig = await TlsRig.open([files], { log });
  const renewed = await ca.sign(["renewed.test"]);
  await Deno.writeTextFile(files.cert, renewed.cert);
  assert.equal(await rig.store.reload(), false);
  assert.equal(await rig.store.reload(), true, "files that stay as they are are not read again");
  assert.equal(rig.store.failedReloads, 1);
  assert.equal(await namesShown(rig, ca), "DNS:old.test");
  const [failed] = log.events.filter(({ event }) => event === "tls.reload_failed");
  assert.match(
    failed!.message,
    /The old certificate stays: .*edge\.key: is not the key of the cert/,
  );

  await Deno.writeTextFile(files.key, renewed.key);
  assert.equal(await rig.store.reload(), true);
  assert.equal(await namesShown(rig, ca), "DNS:renewed.test");
});

Deno.test("files are looked at by themselves", async () => {
  await using ca = await TestCa.make();
  const log = new EventLog();
  const files = await ca.signFiles("edge", ["old.test"]);
  await using rig = await TlsRig.open([files], { log, checkMs: 50 });
  await Deno.remove(files.key);
  const isReported = () => log.events.some(({ event }) => event === "tls.reload_failed");
  while (!isReported()) await new Promise<void>((done) => rig.runtime.timers.after(20, done));
  assert.equal(await namesShown(rig, ca), "DNS:old.test");
});

Deno.test("files that cannot be used are named", async () => {
  await using ca = await TestCa.make();
  const files = await ca.signFiles("edge", ["edge.test"]);
  const other = await ca.signFiles("other", ["edge.test"]);
  const runtime = createRuntime(silentLog);
  const missing = `${ca.folder}/missing.pem`;
  const cases: [KeyPairFiles, string | undefined, RegExp][] = [
    [{ ...files, cert: missing }, undefined, /missing\.pem: there is no such file$/],
    [{ ...files, key: missing }, undefined, /missing\.pem: there is no such file$/],
    [{ ...files, cert: files.key }, undefined, /edge\.key: holds no certificate in PEM$/],
    [{ ...files, key: files.cert }, undefined, /edge\.pem: holds no private key in PEM$/],
    [{ ...files, key: other.key }, undefined, /other\.key: is not the key of the certificate in/],
    [files, other.key, /other\.key: holds no certificate in PEM$/],
  ];
  for (const [pair, clientCa, expected] of cases) {
    await assert.rejects(
      CertificateStore.open({ files: [pair], clientCa }, runtime),
      (error) => error instanceof ConfigError && expected.test(error.message),
    );
  }
  runtime.timers.close();
});

Deno.test("certificates, keys and CAs that anyone can change are not believed", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using ca = await TestCa.make();
  const files = await ca.signFiles("edge", ["edge.test"]);
  const runtime = createRuntime(silentLog);
  const open = () => CertificateStore.open({ files: [files], clientCa: ca.certFile }, runtime);
  const refused = async (path: string, wrong: number, right: number, message: RegExp) => {
    await Deno.chmod(path, wrong);
    await assert.rejects(open(), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      return true;
    });
    await Deno.chmod(path, right);
  };
  for (const path of [files.cert, files.key, ca.certFile]) {
    await refused(path, 0o602, 0o600, /: can be written by anyone on this machine, use chmod o-w$/);
  }
  await refused(ca.folder, 0o707, 0o700, /: can be replaced by anyone, use chmod o-w on /);
  (await open()).close();
  // An agent's CA decides whom it takes for its server.
  await Deno.chmod(ca.certFile, 0o602);
  const settings = { ca: ca.certFile, pins: [], isInsecure: false };
  await assert.rejects(readTlsClient(settings, "edge.test"), /can be written by anyone/);
  runtime.timers.close();
});
