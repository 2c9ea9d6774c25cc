/**
 * The Kubernetes manifests and the Dockerfile, against our own command line: there is no container
 * runtime here. Their arguments are parsed, started with and asked as a kubelet would.
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { freePorts } from "../../bench/ports.ts";
import { parseOptions } from "../../cmd/parse_options.ts";
import { resolveOptions } from "../../cmd/resolve_options.ts";
import { findCommand } from "../../cmd/run.ts";
import { runCli } from "../cli/run_cli.ts";
import { spawnCli } from "../cli/spawn_cli.ts";
import { TestCa } from "../transport/tls_support.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const PORT = /:(\d+)$/;

interface Container {
  args: string[];
  env?: { name: string }[];
  ports: { name: string; containerPort: number }[];
  livenessProbe: { httpGet: { path: string; port: string } };
  readinessProbe: { httpGet: { path: string; port: string } };
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string; readOnly: boolean }[];
}
interface Manifest {
  kind: string;
  // deno-lint-ignore no-explicit-any -- manifests have shapes of their own
  spec: any;
}

async function manifestsOf(name: string): Promise<Manifest[]> {
  const text = await Deno.readTextFile(new URL(`kubernetes/${name}.yaml`, DEPLOY));
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  });
}

async function containerOf(name: string): Promise<[Container, Manifest]> {
  const manifest = (await manifestsOf(name)).find(({ kind }) => kind === "Deployment")!;
  const { containers } = manifest.spec.template.spec;
  assert.equal(containers.length, 1);
  return [containers[0], manifest];
}

/** The value of a flag that stands there once. */
function flag({ args }: Container, name: string): string {
  const found = args.filter((word) => word.startsWith(`--${name}=`));
  assert.equal(found.length, 1, `--${name}`);
  return found[0]!.slice(name.length + 3);
}

for (const name of ["server", "agent"]) {
  Deno.test(`${name}.yaml gives revtun arguments and variables that it has`, async () => {
    const [{ args: [word, ...args], env = [] }, manifest] = await containerOf(name);
    assert.equal(word, name);
    const { options } = await findCommand(name);
    const { args: rest, layer } = parseOptions(args, options);
    assert.deepEqual(rest, []);
    const { values } = resolveOptions(options, [layer]);
    const known = options.map((option) =>
      `REVTUN_${option.name.toUpperCase().replaceAll("-", "_")}`
    );
    assert.deepEqual(env.filter((variable) => !known.includes(variable.name)), []);
    const { terminationGracePeriodSeconds } = manifest.spec.template.spec;
    assert.ok(terminationGracePeriodSeconds * 1000 > Number(values["drain-timeout"]));
  });

  Deno.test(`${name}.yaml asks, mounts and opens what its arguments say`, async () => {
    const [container, manifest] = await containerOf(name);
    const { args, ports, volumeMounts } = container;
    const portOf = (port: string) => ports.find((each) => each.name === port)?.containerPort;
    for (const probe of [container.livenessProbe, container.readinessProbe]) {
      assert.equal(portOf(probe.httpGet.port), Number(PORT.exec(flag(container, "admin"))![1]));
    }
    assert.equal(container.livenessProbe.httpGet.path, "/healthz");
    assert.equal(container.readinessProbe.httpGet.path, "/readyz");
    const opened = args.filter((word) => /^--(listen|tunnel|admin)=/.test(word));
    assert.deepEqual(
      ports.map(({ containerPort }) => containerPort),
      opened.map((word) => Number(PORT.exec(word)![1])),
    );
    const files = args.flatMap((word) => /=(\/.*)$/.exec(word)?.[1] ?? []);
    assert.ok(files.length >= 2);
    for (const file of files) {
      assert.ok(volumeMounts.some(({ mountPath }) => file.startsWith(`${mountPath}/`)), file);
    }
    const { volumes } = manifest.spec.template.spec;
    assert.deepEqual(
      volumeMounts.map((mount) => mount.name),
      volumes.map((volume: { name: string }) => volume.name),
    );
  });

  Deno.test(`${name}.yaml runs as nobody, with a root that cannot be written`, async () => {
    const [container, { spec }] = await containerOf(name);
    const pod = spec.template.spec;
    assert.equal(pod.automountServiceAccountToken, false);
    const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
    assert.deepEqual([runAsNonRoot, runAsUser > 0, seccompProfile.type], [
      ...[true, true],
      "RuntimeDefault",
    ]);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert.ok(container.volumeMounts.every(({ readOnly }) => readOnly));
    assert.deepEqual(spec.template.metadata.labels, spec.selector.matchLabels);
  });
}

Deno.test("the services lead to ports of the server's pods", async () => {
  const [{ ports }, { spec: { selector } }] = await containerOf("server");
  const services = (await manifestsOf("server")).filter(({ kind }) => kind === "Service");
  assert.equal(services.length, 2);
  for (const { spec } of services) {
    assert.deepEqual(spec.selector, selector.matchLabels);
    for (const { targetPort } of spec.ports) {
      assert.ok(ports.some(({ name }) => name === targetPort), targetPort);
    }
  }
});

Deno.test("server and agent start as the manifests say, and are alive and ready", async () => {
  await using ca = await TestCa.make();
  const at = (path: string) => path.replaceAll("/etc/revtun", ca.folder);
  for (const folder of ["tls", "tokens", "token", "admin"]) {
    await Deno.mkdir(`${ca.folder}/${folder}`);
  }
  const { cert, key } = await ca.sign(["127.0.0.1"]);
  await Deno.writeTextFile(at("/etc/revtun/tls/tls.crt"), cert);
  await Deno.writeTextFile(at("/etc/revtun/tls/tls.key"), key);
  await Deno.writeTextFile(at("/etc/revtun/admin/admin-token"), "a token of the test's\n");
  const tokens = ["--token-file", at("/etc/revtun/tokens/tokens"), "--cluster", "edge-a"];
  const made = await runCli(["token", "new", "till-7", ...tokens]);
  await Deno.writeTextFile(at("/etc/revtun/token/token"), made.stdout);

  const free = freePorts(5);
  const ports = new Map<string, string>();
  /** The same arguments on this machine: addresses of the loopback, files of this test. */
  const local = (args: string[], role: string) =>
    args.map((word) =>
      at(word)
        .replace(/^(--server=tls:\/\/).*$/, `$1127.0.0.1:${ports.get("server 9000")}`)
        .replace(/^(--(?:listen|tunnel|admin)=):(\d+)$/, (_, head, port) => {
          ports.set(`${role} ${port}`, String(free.pop()));
          return `${head}127.0.0.1:${ports.get(`${role} ${port}`)}`;
        })
    );
  const statusOf = async (role: string, path: string) => {
    const response = await fetch(`http://127.0.0.1:${ports.get(`${role} 9901`)}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const [server] = await containerOf("server");
  await using running = spawnCli(local(server.args, "server"));
  await running.printed(/"event":"admin\.listening"/);
  assert.equal(await statusOf("server", "/healthz"), 200);
  assert.equal(await statusOf("server", "/readyz"), 200);
  assert.equal(await statusOf("server", "/metrics"), 401);

  const [agent] = await containerOf("agent");
  // A private CA, where the manifest has a certificate that is trusted everywhere.
  await using dialling = spawnCli([...local(agent.args, "agent"), `--tls-ca=${ca.certFile}`], {
    env: { REVTUN_HOST_NAME: "revtun-agent-0" },
  });
  await dialling.printed(/"event":"tunnel\.connected"/);
  await dialling.printed(/"event":"admin\.listening"/);
  assert.equal(await statusOf("agent", "/healthz"), 200);
  assert.equal(await statusOf("agent", "/readyz"), 200);
  for (const process of [dialling, running]) {
    process.kill("SIGTERM");
    assert.equal((await process.status).code, 0, process.stderr);
  }
});

Deno.test("the image starts revtun, as somebody with a number", async () => {
  const text = await Deno.readTextFile(new URL("Dockerfile", DEPLOY));
  const stages = text.split(/^FROM /m).slice(1);
  assert.equal(stages.length, 2);
  assert.match(stages[1]!, /^USER 65532:65532$/m);
  assert.match(stages[1]!, /^ENTRYPOINT \["revtun"\]$/m);
  const ports = /^EXPOSE (.*)$/m.exec(stages[1]!)![1]!.split(" ").map(Number);
  const [server] = await containerOf("server");
  assert.deepEqual(ports, server.ports.map(({ containerPort }) => containerPort));
  const { bin, version, engines } = JSON.parse(
    await Deno.readTextFile(new URL("../package.json", DEPLOY)),
  );
  assert.ok("revtun" in bin && /^\d/.test(version));
  const [, major] = /^node:(\d+)/.exec(stages[1]!)!;
  assert.ok(Number(major) >= Number(/\d+/.exec(engines.node)![0]));
  // What is not copied is not needed to build.
  const left = (await Deno.readTextFile(new URL("Dockerfile.dockerignore", DEPLOY))).split("\n");
  const ignored = await Deno.readTextFile(new URL("../.gitignore", DEPLOY));
  for (const name of left.filter((line) => line !== "" && line !== ".git")) {
    assert.ok(ignored.includes(`${name}/\n`), name);
  }
});
