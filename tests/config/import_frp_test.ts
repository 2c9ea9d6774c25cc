/** frp's settings, as its users have them, become ours. The files are ours, the keys frp 0.70's. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { Scratch, valuesOf } from "./support.ts";

interface Imported {
  readonly code: number;
  readonly values: Record<string, unknown>;
  /** What was not carried over, without the file's name. */
  readonly notes: readonly string[];
  readonly stderr: string;
}

async function imported(text: string, section = "agent", name = "frp.toml"): Promise<Imported> {
  await using scratch = new Scratch();
  const file = await scratch.write(name, text);
  const { code, stdout, stderr } = await runCli(["config", "import-frp", file]);
  const notes = stderr.trimEnd().split("\n").filter((line) => line.startsWith(file))
    .map((line) => line.slice(`${file}: not carried over: `.length));
  return { code, values: code === 0 ? valuesOf(stdout, section) : {}, notes, stderr };
}

Deno.test("revtun config import-frp makes a server of frps.toml", async () => {
  const { code, values, notes } = await imported(
    await Deno.readTextFile("examples/migrating/frps.toml"),
    "server",
  );
  assert.equal(code, 0);
  assert.deepEqual(values, {
    "listen": ["http://:8080"],
    "tunnel": [":7000"],
    "open-clusters": true,
    "allow-expose": [
      ...["tcp://:6000-6099", "udp://:6000-6099", "tcp://:7022", "udp://:7022", "http://*"],
    ],
    "token": "known-to-both",
    "admin": "127.0.0.1:7500",
  });
  assert.deepEqual(notes.map((note) => note.split(": ")[0]), [
    ...["transport.tls", "webServer.user", "maxPortsPerClient"],
  ]);
});

Deno.test("revtun config import-frp makes an agent of frpc.toml", async () => {
  const { code, values, notes } = await imported(
    await Deno.readTextFile("examples/migrating/frpc.toml"),
  );
  assert.equal(code, 0);
  assert.deepEqual(values["server"], ["cloud:7000"]);
  assert.equal(values["cluster"], "till-7");
  assert.deepEqual(values["target"], [
    "ssh=127.0.0.1:22",
    "shop=127.0.0.1:8000?host=inner.example.com&health=/status&health_interval=5s",
    "docker=unix:docker.sock",
    "dns=udp://127.0.0.1:53",
  ]);
  assert.deepEqual(values["expose"], [
    ...["tcp://:6000=ssh", "http://shop.example.com=shop", "http://www.example.com=shop"],
    ...["tcp://:7022=docker", "udp://:6053=dns"],
  ]);
  assert.deepEqual(notes, [
    "proxies[0] (ssh): transport.bandwidthLimit: max_bandwidth is for all of an agent",
    "proxies[4] (files): plugin.type: no files are served here: start a server of files, as a target",
    "visitors[0] (db): serverName: there are no visitors: see stcp in docs/migrating.md",
    "transport.tls: frp encrypts and checks nobody: add tls: true, and tls_pin or tls_ca",
  ]);
});

Deno.test("revtun config import-frp takes TLS, OIDC and YAML over", async () => {
  const server = await imported(
    `bindAddr: 10.0.0.1
bindPort: 7000
proxyBindAddr: "::1"
auth: { method: oidc, oidc: { issuer: "https://issuer.test", audience: tunnels } }
transport: { tls: { certFile: s.pem, keyFile: s.key, trustedCaFile: ca.pem, force: true } }
vhostHTTPSPort: 8443
log: { level: trace, to: ./frps.log }
quicBindPort: 7002
`,
    "server",
    "frps.yaml",
  );
  assert.equal(server.code, 0, server.stderr);
  assert.deepEqual(server.values["tunnel"], ["10.0.0.1:7000"]);
  assert.deepEqual(server.values["listen"], []);
  assert.deepEqual(server.values["allow-expose"], ["tcp://[::1]:*", "udp://[::1]:*"]);
  assert.equal(server.values["credential"], "jwt");
  assert.equal(server.values["jwt-issuer"], "https://issuer.test");
  assert.equal(server.values["log-level"], "debug");
  assert.match(String(server.values["tls-client-ca"]), /ca\.pem$/);
  assert.deepEqual(server.notes.map((note) => note.split(": ")[0]), [
    ...["auth.oidc", "log.to", "vhostHTTPSPort", "quicBindPort"],
  ]);
  const agent = await imported(`
serverAddr = "frps.test"
auth.tokenSource = { type = "file", file = { path = "token" } }
transport = { protocol = "quic", tls = { trustedCaFile = "ca.pem", serverName = "frps.test" } }
start = ["web1", "web2", "plain", "one", "two", "secret", "far"]

[[proxies]]
name = "web1"
type = "http"
localPort = 80
subdomain = "web1"
locations = ["/a"]
loadBalancer = { group = "web", groupKey = "k" }
[[proxies]]
name = "web2"
type = "http"
localPort = 81
loadBalancer = { group = "web", groupKey = "k" }
[[proxies]]
name = "secret"
type = "stcp"
secretKey = "s"
localIP = "10.0.0.5"
localPort = 5432
transport.proxyProtocolVersion = "v2"
[[proxies]]
name = "far"
type = "https"
localPort = 443
customDomains = ["far.test"]
[[proxies]]
name = "one"
type = "tcp"
localPort = 1
[[proxies]]
name = "two"
type = "tcp"
remotePort = 6001
[[proxies]]
name = "left out"
type = "tcp"
`);
  assert.equal(agent.code, 0, agent.stderr);
  assert.deepEqual(agent.values["target"], [
    ...["web=127.0.0.1:80", "secret=10.0.0.5:5432?proxy_protocol=v2", "far=127.0.0.1:443"],
    "one=127.0.0.1:1",
  ]);
  assert.equal(agent.values["expose"], undefined);
  assert.deepEqual([agent.values["tls"], agent.values["tls-server-name"]], [true, "frps.test"]);
  assert.match(String(agent.values["token-file"]), /token$/);
  assert.deepEqual(
    agent.notes.map((note) =>
      /^(?:proxies\[\d\] \((.*?)\): )?(\S+): /.exec(note)!.slice(1, 3).join(" ").trim()
    ),
    [
      ...["web1 subdomain", "web1 locations", "web2 name", "secret type", "far customDomains"],
      ...["one remotePort", "two localPort", "transport.protocol"],
    ],
  );
});

for (
  const [what, name, text, message] of [
    ["templates", "frpc.toml", 'serverAddr = "{{ .Envs.X }}"', /has templates of Go/],
    ["an ini file", "frpc.ini", "[common]\nserver_addr = x.y", /is an ini file/],
    ["no TOML", "frpc.toml", "a = \n", /frpc\.toml:1:\d+: Invalid TOML/],
    ["nothing", "frpc.toml", "# nothing\n", /has no settings of frp/],
  ] as const
) {
  Deno.test(`revtun config import-frp refuses ${what}`, async () => {
    const { code, stderr } = await imported(text, "agent", name);
    assert.equal(code, 2);
    assert.match(stderr, message);
  });
}

Deno.test("a settings file that is frp's is said to be", async () => {
  await using scratch = new Scratch();
  const file = await scratch.write("frpc.toml", 'serverAddr = "cloud"\n');
  const { code, stderr, stdout } = await runCli(["config", "check", file]);
  assert.equal(code, 2);
  assert.match(stdout + stderr, /revtun config import-frp \S+ makes ours/);
});

Deno.test("revtun config import-frp carries an HTTP proxy over, and names another one", async () => {
  const frpc = (url: string) =>
    `serverAddr = "x.y"\n[[proxies]]\nname = "a"\ntype = "tcp"\nlocalPort = 1\nremotePort = 2\n` +
    `[transport]\nproxyURL = "${url}"\n`;
  const { values, notes } = await imported(frpc("http://till-7:pw@proxy:3128"));
  assert.equal(values["proxy"], "http://till-7:pw@proxy:3128");
  assert.deepEqual(notes.filter((note) => note.includes("proxyURL")), []);
  const other = await imported(frpc("ntlm://till-7:pw@proxy:3128"));
  assert.equal(other.values["proxy"], undefined);
  assert.deepEqual(other.notes.filter((note) => note.includes("proxyURL")), [
    "transport.proxyURL: proxy takes http:// and socks5:// only",
  ]);
});
