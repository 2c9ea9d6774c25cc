/** Client certificates of a CA made by openssl, against the real commands. */
import assert from "node:assert/strict";
import { outputOfCli } from "../cli/spawn_cli.ts";
import { hasProgram, outputOf } from "../programs.ts";
import { ask, startAgent, startServer, temporaryFolder } from "./commands.ts";

const hasOpenssl = await hasProgram("openssl");
const needsOpenssl = hasOpenssl ? "" : " (needs openssl)";

type Folder = Awaited<ReturnType<typeof temporaryFolder>>;

const openssl = (...args: string[]) => outputOf("openssl", args);

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

async function makeCa(folder: Folder, name: string): Promise<void> {
  const out = ["-keyout", folder.path(`${name}.key`), "-out", folder.path(`${name}.pem`)];
  await openssl("req", "-x509", ...EC, ...out, "-subj", `/CN=${name}`, "-days", "2");
  await Deno.chmod(folder.path(`${name}.key`), 0o600);
}

/** Makes NAME.pem and NAME.key, signed by `ca`. */
async function makeCert(
  folder: Folder,
  name: string,
  san: string,
  ca = "ca",
  days = "2",
): Promise<void> {
  const [key, csr, pem] = ["key", "csr", "pem"].map((end) => folder.path(`${name}.${end}`));
  await openssl("req", "-new", ...EC, "-keyout", key!, "-out", csr!, "-subj", `/CN=${name}`);
  const extensions = folder.path(`${name}.ext`);
  await Deno.writeTextFile(extensions, `subjectAltName=${san}\nbasicConstraints=CA:FALSE\n`);
  await openssl(
    ...["x509", "-req", "-in", csr!, "-out", pem!, "-days", days, "-extfile", extensions],
    ...["-CA", folder.path(`${ca}.pem`), "-CAkey", folder.path(`${ca}.key`), "-CAcreateserial"],
  );
  await Deno.chmod(key!, 0o600);
}

Deno.test({
  name: `a certificate lets in the agent that it names, by its own names alone${needsOpenssl}`,
  ignore: !hasOpenssl,
  fn: async () => {
    await using folder = await temporaryFolder();
    await makeCa(folder, "ca");
    await makeCa(folder, "other-ca");
    await makeCert(folder, "server", "IP:127.0.0.1");
    const name = (cluster: string, host: string) => `URI:spiffe://example.com/${cluster}/${host}`;
    await makeCert(folder, "good", name("edge-a", "till-7"));
    await makeCert(folder, "elsewhere", name("edge-b", "till-7"));
    await makeCert(folder, "nobody", "DNS:till-7");
    await makeCert(folder, "forged", name("edge-a", "till-7"), "other-ca");
    // The right certificate, shown behind another one's: its owner has no key of it.
    const [own, right] = await Promise.all(
      ["elsewhere", "good"].map((file) => Deno.readTextFile(folder.path(`${file}.pem`))),
    );
    await Deno.writeTextFile(folder.path("filler.pem"), own! + right!);
    await Deno.copyFile(folder.path("elsewhere.key"), folder.path("filler.key"));

    await using server = await startServer([
      ...["--tls-cert", folder.path("server.pem"), "--tls-key", folder.path("server.key")],
      ...["--tls-client-ca", folder.path("ca.pem"), "--credential", "mtls"],
      ...["--mtls-name", "uri:spiffe://example.com/{cluster}/{host}"],
    ]);
    const secure = { ...server, tunnel: `tls://${server.tunnel}` };
    const showing = (file: string) => [
      ...["--tls-ca", folder.path("ca.pem"), "--credential", "mtls"],
      ...["--tls-cert", folder.path(`${file}.pem`), "--tls-key", folder.path(`${file}.key`)],
    ];
    const refused = async (flags: string[], code: number, reason: RegExp) => {
      const place = ["--server", secure.tunnel, "--cluster", "edge-a", "--host-name", "till-7"];
      const end = await outputOfCli([
        ...["agent", ...place, "--connections", "1", "--connect-retry-times", "1"],
        ...[
          "--reconnect-base",
          "10ms",
          "--reconnect-max",
          "10ms",
          "--log-level",
          "error",
          ...flags,
        ],
      ]);
      assert.equal(end.code, code, end.stderr);
      assert.match(end.stderr, reason);
    };
    await refused(showing("elsewhere"), 3, /certificate is not for host "till-7" of .*"edge-a"/);
    await refused(showing("filler"), 3, /certificate is not for host "till-7"/);
    await refused([...showing("good"), "--host-name", "till-8"], 3, /not for host "till-8"/);
    await refused(showing("nobody"), 3, /no name of the form that this server wants/);
    await refused(showing("forged"), 1, /Gave up dialling/);
    await refused(["--tls-ca", folder.path("ca.pem")], 1, /Gave up dialling/);

    await using agent = startAgent(secure, showing("good"));
    await server.process.printed(/event=tunnel\.registered .*host=till-7/);
    assert.equal((await ask(server.url.replace("https:", "http:")))[0], 200);
    agent.kill("SIGTERM");
    assert.equal((await agent.status).code, 0, agent.stderr);
  },
});
