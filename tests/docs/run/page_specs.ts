/** What each page takes for given, what its lines have to print, and which lines are not run. */
import { CA, CAPTURE, nameServer, SSH_ACCOUNT, SSHD, webService } from "./given.ts";
import type { NotRun, PageSpec } from "./run_page.ts";

const NODE_MODULES = new URL("../../../node_modules", import.meta.url).pathname;

/** Lines that are run on no page. */
export const NOT_RUN: readonly NotRun[] = [
  [/^npm (start|test|run (bench|soak|compile))\b/, "takes minutes, has tests of its own"],
  [/^npm install /, "downloads packages, those that it names are there"],
  [/^tcpdump .* -w tunnel\.pcap/, "waits for Ctrl-C; such a capture is given"],
  [/^docker /, "needs docker; tests/deploy looks at the file"],
  [/^kubectl (create secret|apply) /, "needs a cluster; tests/deploy starts what they say"],
  [/^kubectl /, "needs a cluster; the two lines before it do what it has the kube-apiserver do"],
];

/** What goes an agent's way. */
const AT_EDGE = [/^revtun (probe|doctor)/];

/** By path. A page that is not listed starts in an empty folder, with nothing given. */
export const PAGES: Readonly<Record<string, PageSpec>> = {
  "README.md": {
    needs: ["curl", "dnsmasq", "openssl", "tcpdump"],
    given: `${CA}
certify shop shop.example.com DNS:shop.example.com
echo 'hello from the edge' > page
printf 'server:\\n  listen: [":8080"]\\n  admin: "127.0.0.1:9901"\\n' > revtun.yaml
echo nameserver 10.99.0.1 > /etc/resolv.conf
cat > agent.yaml <<'END'
agent: { cluster: edge-a, server_list: ["cloud:9000"], targets: ["127.0.0.1:8000"] }
END`,
    atEdge: AT_EDGE,
    services: [
      ["edge", webService("8000", "page")],
      [
        "cloud",
        nameServer(
          "10.99.0.1",
          "--host-record=cloud.example.com,10.99.0.1",
          "--srv-host=_tunnel._tcp.example.com,cloud.example.com,9000",
        ),
      ],
    ],
    prints: [
      [/^curl cloud:8080/, /hello from the edge/],
      [/^curl .*metrics/, /^revtun_hosts\{/m],
    ],
  },
  "docs/admin-api.md": {
    given: "mkdir /etc/revtun && echo secret-of-the-admin > token && chmod 600 token && " +
      "cp -p token /etc/revtun/admin-token",
    prints: [
      [/api\/v1\/status/, /"clusters"/],
      [/localhost\/metrics/, /^revtun_hosts\{/m],
      [/api\/v1\/hosts/, /"items":\[\]/],
    ],
  },
  "docs/configuration.md": {
    given: 'cp "$REPO/examples/config/agent.yaml" .',
    prints: [[/config check/, /nothing wrong with agent/], [/config show/, /weight: 5 .*--weight/]],
  },
  "docs/console.md": {
    given: "mkdir /etc/revtun && echo secret-of-the-admin > /etc/revtun/admin-token && " +
      "chmod 600 /etc/revtun/admin-token",
  },
  "docs/decode-frame.md": {
    needs: ["tcpdump"],
    given: CAPTURE,
    prints: [
      [/decode-frame tunnel\.pcap/, /ConnectionInitInfo {2}cluster_name=edge-a/],
      [/^echo /, /cluster_name=edge-a/],
    ],
  },
  "docs/discovery.md": {
    needs: ["dnsmasq", "openssl"],
    given: `${CA}
certify web example.com DNS:example.com
echo '["tunnel.example.com:9000"]' > list.json
mkdir /etc/revtun && echo '["tunnel.example.com:9000"]' > /etc/revtun/servers.yaml
echo nameserver 10.99.0.1 > /etc/resolv.conf`,
    services: [
      [
        "cloud",
        nameServer(
          "10.99.0.1",
          "--host-record=tunnel.example.com,10.99.0.1",
          "--srv-host=_tunnel._tcp.example.com,tunnel.example.com,9000",
        ),
      ],
      ["cloud", webService("443", "list.json", "https")],
      ["cloud", "revtun server"],
    ],
    names: ["tunnel.example.com", "example.com"],
    env: { DENO_CERT: "ca.pem" },
  },
  "docs/frontends.md": {
    needs: ["ssh", "sshd", "nc", "dig", "dnsmasq", "curl"],
    given: `${SSH_ACCOUNT}
mkdir /etc/revtun && echo PASSWORD | revtun hash-password alice > /etc/revtun/users
chmod 600 /etc/revtun/users
echo 'a page of the intranet' > page
echo 10.1.2.3 intranet >> /etc/hosts`,
    services: [
      ["edge", SSHD],
      ["edge", `ip addr add 10.1.2.3/32 dev lo && ${webService('80, "10.1.2.3"', "page")}`],
      ["edge", nameServer("127.0.0.1", "--address=/example.com/192.0.2.7")],
    ],
    prints: [
      [/^ssh /, /^till-7$/m],
      [/^curl /, /a page of the intranet/],
      [/^dig /, /^example\.com\..*\bA\s+192\.0\.2\.7$/m],
    ],
  },
  "docs/http.md": {
    given: "mkdir /etc/revtun && echo PASSWORD > password.txt",
    prints: [[/--expose tcp/, /(event=frontend\.exposed[^]*){3}/]],
  },
  "docs/install.md": {
    prints: [
      [/revtun version/, /^revtun \d/m],
      [/--dry-run/, /^ExecStart=.*--config \/etc\/revtun\/agent\.yaml$/m],
      [/service install server --root/, /^Wrote .*\/image\/etc\/systemd/m],
    ],
  },
  "docs/migrating.md": {
    atEdge: AT_EDGE,
    needs: ["ssh", "sshd", "curl", "dig", "dnsmasq", "openssl"],
    given: `${SSH_ACCOUNT}${CA}
certify web secure.example.com DNS:secure.example.com
cp "$REPO"/examples/migrating/* .
echo 'hello from the edge' > page
echo 10.1.2.3 intranet >> /etc/hosts`,
    services: [
      ["edge", SSHD],
      ["edge", webService("8000", "page")],
      ["edge", webService("9443", "page", "https")],
      ["edge", webService('"docker.sock"', "page")],
      ["edge", nameServer("127.0.0.1", "--address=/example.com/192.0.2.7")],
      ["edge", `ip addr add 10.1.2.3/32 dev lo && ${webService('80, "10.1.2.3"', "page")}`],
    ],
    prints: [
      [/^ssh /, /^till-7$/m],
      [/^curl /, /hello from the edge/],
      [/^revtun status/, /\bspare\b/],
      [/^dig /, /^example\.com\..*\bA\s+192\.0\.2\.7$/m],
      [/revtun agent .*--expose tcp/, /event=frontend\.exposed/],
      [/revtun agent --config (frp|till|chisel|ssh)/, /event=frontend\.exposed/],
      [/config check/, /nothing wrong with agent/],
    ],
  },
  "docs/quickstart/forward-proxy.md": {
    atEdge: AT_EDGE,
    needs: ["curl"],
    given: "echo 'a page of the intranet' > page && echo 10.1.2.3 intranet >> /etc/hosts",
    services: [
      ["edge", `ip addr add 10.1.2.3/32 dev lo && ${webService('80, "10.1.2.3"', "page")}`],
    ],
    prints: [[/^curl .*(10\.1\.2\.3|intranet)\/$/, /a page of the intranet/]],
    fails: [[/^curl .*:8080\/$/, 97]],
  },
  "docs/quickstart/grpc.md": {
    // What `npm install` would have brought.
    env: { NODE_PATH: NODE_MODULES },
    atEdge: [/^node greeter\.js serve/, ...AT_EDGE],
    prints: [[/^node greeter\.js cloud/, /^hello world from the edge$/m]],
  },
  "docs/quickstart/kubelet.md": {
    atEdge: AT_EDGE,
    needs: ["curl", "nc", "openssl"],
    given: `${CA}
certify web node IP:10.1.2.3
echo ok > page`,
    services: [
      [
        "edge",
        `ip addr add 10.1.2.3/32 dev lo && ${webService('10250, "10.1.2.3"', "page", "https")}`,
      ],
    ],
    prints: [[/^printf /, /^HTTP\/1\.1 200 /m], [/^curl /, /^ok$/m]],
  },
  "docs/quickstart/ssh.md": {
    atEdge: AT_EDGE,
    needs: ["ssh", "sshd", "nc"],
    given: SSH_ACCOUNT,
    services: [["edge", SSHD]],
    prints: [[/^ssh /, /^till-7$/m]],
  },
  "docs/quickstart/web-service.md": {
    needs: ["curl"],
    atEdge: [/^node -e/, ...AT_EDGE],
    prints: [[/^curl /, /hello from the edge/], [/revtun status/, /till-7/]],
  },
  "docs/observability.md": {
    needs: ["curl"],
    services: [["edge", "revtun agent --server cloud:9000 --cluster edge-a"]],
    given: "mkdir /var/log/revtun",
    prints: [[/^curl -sD/, /^server-timing: /im], [/^curl .*requests/, /"items"/]],
  },
  "docs/reliability.md": {
    services: [["edge", "revtun agent --server cloud:9000 --cluster edge-a"]],
    prints: [
      [/revtun drain/, /edge-a\/till-7/],
      [/revtun weight/, /has weight 30/],
      [/revtun undrain/, /edge-a\/till-7/],
    ],
  },
  "docs/security.md": {
    needs: ["openssl"],
    given: `${CA}
certify server cloud DNS:cloud
certify web issuer.example.com DNS:issuer.example.com
cp ca.pem agents-ca.pem
node -e 'const { publicKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...publicKey.export({ format: "jwk" }), alg: "ES256", kid: "1" };
  console.log(JSON.stringify({ keys: [key] }))' > jwks.json`,
    services: [["cloud", webService("443", "jwks.json", "https")]],
    names: ["issuer.example.com"],
    env: { DENO_CERT: "ca.pem" },
    prints: [
      [/token new/, /^[\w.-]+$/m],
      [/token list/, /^till-7 +edge-a +till-7 /m],
      [/token revoke/, /^revoked till-7$/m],
    ],
  },
  "docs/tls.md": {
    needs: ["openssl"],
    given: `${CA}
certify cloud cloud.example.com DNS:cloud.example.com
certify agent till-7 DNS:till-7
certify shop shop.example.com DNS:shop.example.com
certify apps apps.example.com DNS:*.apps.example.com
cp ca.pem agents-ca.pem && cp ca.pem /etc/ca.pem`,
    names: ["cloud.example.com"],
    env: { DENO_CERT: "ca.pem" },
    prints: [
      [/--tls auto/, /--tls-pin sha256:[0-9a-f]{64}/],
      [/^openssl x509/, /Fingerprint=([0-9A-F]{2}:){31}/],
    ],
  },
};
