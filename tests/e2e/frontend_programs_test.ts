/** Frontends between clients and services that others wrote. */
import assert from "node:assert/strict";
import { freePort } from "../../bench/ports.ts";
import { hashPassword } from "../../lib/auth/password_hash.ts";
import { frontendRig } from "../server/frontend_rig.ts";
import { TestCa } from "../transport/tls_support.ts";
import { hasProgram, outputOf } from "../programs.ts";
import { nodeService, portOpens } from "./http_support.ts";

const HAS_CURL = await hasProgram("curl");
const HAS_OPENSSL = await hasProgram("openssl");
const HAS_NGINX = await hasProgram("nginx");
const HAS_DIG = await hasProgram("dig");
const SSHD = "/usr/sbin/sshd";
const HAS_SSH = await hasProgram("ssh") && await hasProgram("nc") &&
  await hasProgram(SSHD);

const curl = (...args: string[]) => outputOf("curl", ["-sS", "--max-time", "20", ...args]);

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-e2e-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a server program; it ends with the block. */
async function service(name: string, args: string[], port: number): Promise<AsyncDisposable> {
  const child = new Deno.Command(name, { args, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  await portOpens(port);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

Deno.test({
  name: "curl reaches a service of the edge by SOCKS 5 and by CONNECT (needs curl)",
  ignore: !HAS_CURL,
  fn: () =>
    inFolder(async (folder) => {
      const users = `${folder}/users`;
      await Deno.writeTextFile(users, `alice:${await hashPassword("s3cret", 1000)}\n`, {
        mode: 0o600,
      });
      await using backend = await nodeService((request, response) =>
        response.end(`hello ${request.headers.host}`)
      );
      await using rig = await frontendRig({
        listen: [
          "socks5://127.0.0.1:0",
          `socks5://127.0.0.1:0/edge-a?users=${users}`,
          "connect://127.0.0.1:0",
          `connect://127.0.0.1:0/edge-a?users=${users}`,
        ],
        allow: ["127.0.0.1:*"],
      });
      const [socks, closedSocks, connect, closedConnect] = rig.addresses;
      const port = backend.address.split(":")[1]!;
      const named = `127.0.0.1.edge-a.revtun:${port}`;
      const direct = `127.0.0.1:${port}`;
      const login = ["--proxy-user", "alice:s3cret"];
      assert.equal(await curl("--socks5-hostname", socks!, `http://${named}/`), `hello ${named}`);
      assert.equal(
        await curl("--socks5", closedSocks!, ...login, `http://${direct}/`),
        `hello ${direct}`,
      );
      assert.equal(
        await curl("-x", `http://${connect}`, "-p", `http://${named}/`),
        `hello ${named}`,
      );
      assert.equal(
        await curl("-x", `http://${closedConnect}`, ...login, "-p", `http://${direct}/`),
        `hello ${direct}`,
      );
      assert.equal(await curl("-x", `http://${connect}`, `http://${named}/`), `hello ${named}`);
      const twice = ["-x", `http://${closedConnect}`, ...login, `http://${direct}/`];
      assert.equal(await curl(...twice, `http://${direct}/`), `hello ${direct}`.repeat(2));
      const refused = (proxy: string[], url: string) =>
        assert.rejects(() => curl(...proxy, url), (error: Error) =>
          /curl ended with/.test(error.message));
      await refused(["--socks5", closedSocks!], `http://${direct}/`);
      await refused(["--socks5-hostname", socks!], "http://192.0.2.1.edge-a.revtun:80/");
      await refused(["-x", `http://${closedConnect}`, "-p"], `http://${direct}/`);
      const status = await curl(
        "-w",
        "%{http_code}",
        "-o",
        `${folder}/answer`,
        ...twice.slice(0, 2),
        `http://${direct}/`,
      );
      assert.equal(status, "407");
      assert.deepEqual(rig.server.stats.clientsRefused, { unauthorized: 3, "not-allowed": 1 });
    }),
});

Deno.test({
  name: "ssh comes through SOCKS 5 and CONNECT to an sshd of the edge (needs ssh, sshd and nc)",
  ignore: !HAS_SSH,
  fn: () =>
    inFolder(async (folder) => {
      const port = freePort();
      for (const name of ["host", "user"]) {
        await outputOf("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`]);
      }
      await Deno.copyFile(`${folder}/user.pub`, `${folder}/authorized_keys`);
      await Deno.writeTextFile(
        `${folder}/sshd_config`,
        `ListenAddress 127.0.0.1:${port}
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
`,
      );
      // It wants a folder of its own where distributions start it with one.
      await Deno.mkdir("/run/sshd", { recursive: true }).catch(() => {});
      await using _sshd = await service(SSHD, ["-D", "-f", `${folder}/sshd_config`], port);
      await using rig = await frontendRig({
        listen: ["socks5://127.0.0.1:0", "connect://127.0.0.1:0"],
        allow: [`127.0.0.1:${port}`],
      });
      const [socks, connect] = rig.addresses;
      const command = "seq 1 20000 | cksum";
      const expected = await outputOf("sh", ["-c", command]);
      for (const [version, proxy] of [["5", socks], ["connect", connect]]) {
        const text = await outputOf("ssh", [
          ...["-F", "none", "-i", `${folder}/user`, "-o", "IdentitiesOnly=yes"],
          ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
          ...["-o", "LogLevel=ERROR", "-o", "BatchMode=yes"],
          ...["-o", `ProxyCommand=nc -X ${version} -x ${proxy} %h %p`, "-p", String(port)],
          ...["127.0.0.1.edge-a.revtun", command],
        ]);
        assert.equal(text, expected);
      }
    }),
});

Deno.test({
  name: "curl and openssl pass through tls:// to a backend by its name (needs curl and openssl)",
  ignore: !HAS_CURL || !HAS_OPENSSL,
  async fn() {
    await using ca = await TestCa.make();
    const { cert, key } = await ca.signFiles("backend", ["edge-a.example.test"]);
    const port = freePort();
    await using _backend = await service(
      "openssl",
      ["s_server", "-quiet", "-www", "-accept", `127.0.0.1:${port}`, "-cert", cert, "-key", key],
      port,
    );
    await using rig = await frontendRig({
      listen: ["tls://127.0.0.1:0"],
      targets: [`127.0.0.1:${port}`],
    });
    const address = rig.addresses[0]!;
    const front = address.split(":")[1]!;
    const page = await curl(
      ...["--cacert", ca.certFile, "--resolve", `edge-a.example.test:${front}:127.0.0.1`],
      `https://edge-a.example.test:${front}/`,
    );
    assert.match(page, /Secure Renegotiation/);
    const client = (name: string) =>
      outputOf(
        "openssl",
        ["s_client", "-connect", address, "-servername", name, "-CAfile", ca.certFile],
        { stdin: "GET / HTTP/1.0\r\n\r\n" },
      );
    assert.match(await client("edge-a.example.test"), /Verify return code: 0 \(ok\)/);
    await assert.rejects(() => client("edge-b.example.test"), /unrecognized name/);
    assert.deepEqual(rig.server.stats.clientsRefused, { "unknown-server-name": 1 });
  },
});

Deno.test({
  name: "nginx learns a client's address by the PROXY protocol, curl tells it (needs both)",
  ignore: !HAS_CURL || !HAS_NGINX,
  fn: () =>
    inFolder(async (folder) => {
      const port = freePort();
      // The worker runs as another user.
      await Deno.chmod(folder, 0o755);
      const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
      await Deno.writeTextFile(
        `${folder}/nginx.conf`,
        `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
events { worker_connections 64; }
http {
  ${paths}
  log_format who '$proxy_protocol_addr $request_uri'; access_log ${folder}/access.log who;
  server {
    listen 127.0.0.1:${port} proxy_protocol;
    location / { return 200 "$proxy_protocol_addr $proxy_protocol_port\\n"; }
  }
}
`,
      );
      const nginx = await service("nginx", ["-c", `${folder}/nginx.conf`, "-p", folder], port);
      {
        await using ca = await TestCa.make();
        await using rig = await frontendRig({
          server: { frontendTls: { files: [await ca.signFiles("front", ["front.test"])] } },
          listen: [
            "http://127.0.0.1:0/edge-a/v1",
            "tcp://127.0.0.1:0/edge-a/v2",
            "http://127.0.0.1:0/edge-a/v2?proxy_protocol=127.0.0.1",
            "https://127.0.0.1:0/edge-a/v2?proxy_protocol=127.0.0.1",
          ],
          targets: [
            `v1=http://127.0.0.1:${port}?proxy_protocol=v1`,
            `v2=tcp://127.0.0.1:${port}?proxy_protocol=v2`,
          ],
        });
        const [v1, v2, told, toldInTls] = rig.addresses;
        for (const address of [v1, v2]) {
          const answer = await curl("-w", "%{local_port}", `http://${address}/plain`);
          const [, ip, port, local] = /^(\S+) (\d+)\n(\d+)$/.exec(answer) ?? [];
          assert.deepEqual([ip, port], ["127.0.0.1", local]);
        }
        const answer = await curl("--haproxy-protocol", `http://${told}/told`);
        assert.match(answer, /^127\.0\.0\.1 \d+\n$/);
        const front = toldInTls!.split(":")[1];
        const inTls = await curl(
          ...["--haproxy-protocol", "--http2", "-w", "HTTP/%{http_version}"],
          ...["--cacert", ca.certFile, "--resolve", `front.test:${front}:127.0.0.1`],
          `https://front.test:${front}/told`,
        );
        assert.match(inTls, /^127\.0\.0\.1 \d+\nHTTP\/2$/);
        await assert.rejects(() => curl(`http://${told}/untold`));
        assert.deepEqual(rig.server.stats.clientsRefused, { "proxy-header": 1 });
      }
      // nginx writes its log at its end at the latest.
      await nginx[Symbol.asyncDispose]();
      const log = await Deno.readTextFile(`${folder}/access.log`);
      assert.equal(log.match(/^127\.0\.0\.1 \/(plain|told)$/gm)?.length, 4, log);
    }),
});

/** Answers each question for an address with 192.0.2.53. */
function nameServer(): AsyncDisposable & { port: number } {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  let isClosed = false;
  const serving = (async () => {
    while (!isClosed) {
      try {
        const [query, from] = await socket.receive();
        // Header with one answer; the question alone, without what EDNS adds behind it.
        let end = 12;
        while (query[end] !== 0) end += query[end]! + 1;
        const question = query.slice(12, end + 5);
        const head = [query[0]!, query[1]!, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53];
        await socket.send(Uint8Array.from([...head, ...question, ...answer]), from);
      } catch {
        return;
      }
    }
  })();
  return {
    port: (socket.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      isClosed = true;
      socket.close();
      await serving;
    },
  };
}

Deno.test({
  name: "dig asks a name server of the edge by udp:// (needs dig)",
  ignore: !HAS_DIG,
  async fn() {
    await using server = nameServer();
    await using rig = await frontendRig({
      listen: ["udp://127.0.0.1:0/edge-a/dns"],
      targets: [`dns=udp://127.0.0.1:${server.port}`],
    });
    const port = rig.addresses[0]!.split(":")[1]!;
    const questions = Array.from({ length: 5 }, (_, at) => `host-${at}.example.test`);
    const args = ["@127.0.0.1", "-p", port, "+short", "+tries=2", "+time=5"];
    for (const name of questions) {
      assert.equal(await outputOf("dig", [...args, name]), "192.0.2.53\n");
    }
  },
});
