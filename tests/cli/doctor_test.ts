import assert from "node:assert/strict";
import { freePort } from "../../bench/ports.ts";
import { checkCertificates } from "../../cmd/doctor/check_certificates.ts";
import { checkPorts } from "../../cmd/doctor/check_ports.ts";
import type { Step } from "../../lib/step.ts";
import { makeCertificate } from "../../lib/transport/make_certificate.ts";
import { listeningInodes } from "../../lib/transport/port_owner.ts";
import { Backend, testRuntime } from "../agent/support.ts";
import { TestCa } from "../transport/tls_support.ts";
import { runCli } from "./run_cli.ts";
import { spawnCli } from "./spawn_cli.ts";

const DAY_MS = 86_400_000;

/** A folder with settings and the files that they name. */
class Desk implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Desk> {
    return new Desk(await Deno.makeTempDir({ prefix: "revtun-doctor-" }));
  }

  async write(name: string, text: string, mode = 0o600): Promise<string> {
    const path = `${this.folder}/${name}`;
    await Deno.writeTextFile(path, text);
    await Deno.chmod(path, mode);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

interface JsonStep {
  step: string;
  address: string;
  verdict: string;
  detail: string;
  advice?: string;
}

async function examined(path: string): Promise<{ code: number; steps: JsonStep[] }> {
  const { code, stdout, stderr } = await runCli(["doctor", "--config", path, "--json"]);
  assert.notEqual(stdout, "", stderr);
  return { code, steps: JSON.parse(stdout).steps };
}

const collect = async (steps: AsyncGenerator<Step>) => await Array.fromAsync(steps);
const wrongOf = (steps: readonly JsonStep[]) =>
  steps.filter(({ verdict }) => verdict !== "ok").map(({ step, detail }) => `${step}: ${detail}`);

Deno.test("revtun doctor goes through a server's and an agent's settings that are well", async () => {
  using runtime = testRuntime();
  await using desk = await Desk.make();
  await using ca = await TestCa.make();
  const pair = await ca.sign(["localhost", "127.0.0.1"]);
  await using target = new Backend(runtime, (connection) => {
    connection.attach({ onData() {}, onEnd: () => connection.end(), onDrain() {}, onClose() {} });
    connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
  });
  await desk.write("ca.pem", ca.cert, 0o644);
  await desk.write("srv.pem", pair.cert, 0o644);
  await desk.write("srv.key", pair.key);
  await desk.write("token", "s3cret\n");
  const settings = (ports: readonly number[]) => `
server:
  listen: ["127.0.0.1:${ports[0]}"]
  tunnel: ["127.0.0.1:${ports[1]}"]
  admin: 127.0.0.1:${ports[2]}
  tls_cert: srv.pem
  tls_key: srv.key
  credential_policy: token
  token_file: token
  clusters: [edge-a]
agent:
  server_list: ["tls://127.0.0.1:${ports[1]}"]
  cluster: edge-a
  targets: ["${target.text}"]
  token_file: token
  tls_ca: ca.pem
`;
  const ports = [freePort(), freePort(), freePort()];
  const path = await desk.write("revtun.yaml", settings(ports));
  const before = await examined(path);
  assert.equal(before.code, 1);
  const failed = before.steps.filter(({ verdict }) => verdict === "fail");
  assert.deepEqual(failed.map(({ step }) => step), ["connect"]);
  assert.match(wrongOf(before.steps)[0]!, /^admin: nobody answers/);

  await using server = spawnCli(["server", "--config", path]);
  await server.printed(/admin\.listening/);
  const after = await examined(path);
  const wrong = wrongOf(after.steps).filter((line) => !/^limits:/.test(line));
  assert.deepEqual(wrong, []);
  assert.equal(after.code, 0);
  const names = after.steps.map(({ step }) => step);
  for (
    const name of ["config", "file", "cert", "ca", "port", "tls", "cluster", "target", "clock"]
  ) {
    assert.ok(names.includes(name), `${name} in ${names}`);
  }
  assert.ok(!JSON.stringify(after.steps).includes("s3cret"));
});

Deno.test("revtun doctor says of each fault what to do", async () => {
  using runtime = testRuntime();
  await using desk = await Desk.make();
  await using taken = new Backend(runtime, (connection) => {
    connection.attach({ onData() {}, onEnd: () => connection.end(), onDrain() {}, onClose() {} });
    connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
  });
  await desk.write("token", "s3cret\n", 0o644);
  await desk.write("srv.pem", "no certificate", 0o644);
  const path = await desk.write(
    "server.yaml",
    `server:\n  listen: ["${taken.text}"]\n  tunnel: ["127.0.0.1:0"]\n  tls_cert: srv.pem\n` +
      `  tls_key: gone.key\n  credential_policy: token\n  token_file: token\n`,
  );
  const { code, steps } = await examined(path);
  assert.equal(code, 1);
  const [token, gone, cert, port] = steps.filter(({ verdict }) => verdict !== "ok");
  assert.match(token!.detail, /mode 644.*anyone on this machine can read/);
  assert.equal(token!.verdict, "warn");
  assert.match(token!.advice!, /^chmod 600 /);
  assert.equal(gone!.detail, "is not there");
  assert.match(gone!.advice!, /server\.tls_key/);
  assert.equal(cert!.step, "cert");
  assert.equal(cert!.verdict, "fail");
  assert.equal(port!.step, "port");
  assert.match(port!.detail, /^in use/);
  assert.match(port!.advice!, /another port/);
});

Deno.test("revtun doctor says that no agent can come in", async () => {
  await using desk = await Desk.make();
  await desk.write("token", "s3cret\n");
  const settings = (more: string) =>
    desk.write(
      "server.yaml",
      `server:\n  listen: ["127.0.0.1:0"]\n  tunnel: ["127.0.0.1:0"]\n  token_file: token\n${more}`,
    );
  const shut = await examined(await settings(""));
  const step = shut.steps.find(({ step }) => step === "clusters");
  assert.deepEqual([shut.code, step?.verdict], [1, "fail"]);
  assert.match(step!.detail, /^No agent can register/);
  const open = await examined(await settings("  clusters: [edge-a]\n"));
  assert.equal(open.steps.some(({ step }) => step === "clusters"), false);
});

Deno.test("revtun doctor names the line of a mistake, and goes on with the rest", async () => {
  await using desk = await Desk.make();
  const path = await desk.write("agent.yaml", "agent:\n  clster: edge-a\n", 0o644);
  const { code, stdout } = await runCli(["doctor", "--config", path]);
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL config .*2:3: agent\.clster: unknown key, did you mean cluster\?/);
  assert.match(stdout, /ok {3}clock/);
  assert.equal((await runCli(["doctor"])).code, 2);
});

Deno.test("checkCertificates() looks at time, chain and key", async () => {
  await using ca = await TestCa.make();
  const date = (days: number) => new Date(Date.now() + days * DAY_MS);
  const middle = await makeCertificate({
    commonName: "middle",
    names: [],
    isCa: true,
    issuer: ca.pair,
    notBefore: date(-1),
    notAfter: date(300),
  });
  const signed = async (from: number, to: number) =>
    await makeCertificate({
      commonName: "leaf",
      names: ["a.test"],
      issuer: middle,
      notBefore: date(from),
      notAfter: date(to),
    });
  const good = await signed(-1, 200);
  const judged = async (cert: string, key: string) => {
    const files = await ca.write("pair", { cert, key });
    return (await collect(checkCertificates({ pairs: [files], authorities: [] })))[0]!;
  };
  const whole = await judged(good.cert + middle.cert, good.key);
  assert.equal(whole.verdict, "ok", whole.detail);
  assert.match(whole.detail, /^for a\.test by CN=middle, 199 days left, chain of 2, its key match/);
  assert.match((await judged(good.cert + ca.cert, good.key)).detail, /did not sign the one before/);
  assert.match((await judged(middle.cert + good.cert, middle.key)).detail, /did not sign/);
  const soon = await signed(-90, 5);
  assert.equal((await judged(soon.cert, soon.key)).verdict, "warn");
  const old = await signed(-90, -5);
  assert.match((await judged(old.cert, old.key)).detail, /expired 5 days ago/);
  const early = await signed(2, 5);
  assert.match((await judged(early.cert, early.key)).detail, /valid in 1 day.*clock/);
  assert.match((await judged(good.cert, old.key)).detail, /is not the key of the certificate/);
  const [authority] = await collect(checkCertificates({ pairs: [], authorities: [ca.certFile] }));
  assert.equal(authority!.detail, "CN=revtun test CA, 29 days left");
});

Deno.test("checkPorts() leaves ports and stale sockets as they were", async () => {
  using runtime = testRuntime();
  await using desk = await Desk.make();
  const address = { kind: "tcp", host: "127.0.0.1", port: freePort() } as const;
  const path = `${desk.folder}/s.sock`;
  const stale = Deno.listen({ transport: "unix", path });
  const ports = [
    { address, isUdp: false, purpose: "tunnel" },
    { address, isUdp: true, purpose: "frontend udp" },
    { address: { kind: "unix", path }, isUdp: false, purpose: "admin" },
  ] as const;
  const held = await collect(checkPorts(ports, false, runtime));
  assert.deepEqual(held.map(({ verdict }) => verdict), ["ok", "ok", "fail"]);
  stale.close();
  assert.deepEqual(
    (await collect(checkPorts(ports, false, runtime))).map(({ verdict }) => verdict),
    ["ok", "ok", "ok"],
  );
  await using taken = new Backend(runtime, () => {}, address.port);
  assert.equal(taken.address.port, address.port);
});

Deno.test("listeningInodes() finds listeners alone", () => {
  const text =
    `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000
   1: 0100007F:1F90 0100007F:D5C2 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000
   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0000
`;
  assert.deepEqual(listeningInodes(text, 8080), ["4711"]);
  assert.deepEqual(listeningInodes("", 8080), []);
});
