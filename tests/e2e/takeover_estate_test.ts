/** What goes over to the next server: every kind of frontend, and what operators and agents set. */
import assert from "node:assert/strict";
import { freePorts } from "../../bench/ports.ts";
import { outputOfCli, spawnCli } from "../cli/spawn_cli.ts";
import { echoService } from "../server/frontend_rig.ts";
import { TestCa } from "../transport/tls_support.ts";

const encoder = new TextEncoder();

/** Sends `bytes` and gives the first `count` bytes that come back, as text. */
async function exchange(
  conn: Deno.Conn,
  bytes: string | Uint8Array<ArrayBuffer>,
  count: number,
): Promise<string> {
  await conn.write(typeof bytes === "string" ? encoder.encode(bytes) : bytes);
  const buffer = new Uint8Array(4096);
  let text = "";
  while (text.length < count) {
    const got = await conn.read(buffer);
    if (got === null) break;
    text += new TextDecoder("latin1").decode(buffer.subarray(0, got));
  }
  return text.slice(0, count);
}

function dial(port: number): Promise<Deno.Conn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

Deno.test("a takeover takes every kind of frontend, drains, weights and what agents exposed", async () => {
  await using ca = await TestCa.make();
  const pair = await ca.write("localhost", await ca.sign(["localhost"]));
  await using echo = echoService();
  const udpEcho = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const udpEchoing = (async () => {
    for await (const [bytes, from] of udpEcho) await udpEcho.send(bytes, from);
  })();
  const [tunnel, tcp, https, tls, socks, connect, udp, exposed] = freePorts(8);
  const unix = `${ca.folder}/front.sock`;
  const adminFlag = `--admin=unix:${ca.folder}/admin.sock`;
  const line = [
    "server",
    adminFlag,
    `--tunnel=127.0.0.1:${tunnel}`,
    `--tunnel=unix:${ca.folder}/tunnel.sock`,
    `--listen=unix:${unix}?cluster=edge-a`,
    `--listen=tcp://127.0.0.1:${tcp}/edge-a/echo`,
    `--listen=https://127.0.0.1:${https}/edge-a`,
    `--listen=tls://127.0.0.1:${tls}/edge-a/secure`,
    `--listen=socks5://127.0.0.1:${socks}/edge-a`,
    `--listen=connect://127.0.0.1:${connect}/edge-a`,
    `--listen=udp://127.0.0.1:${udp}/edge-a/udp-echo`,
    `--frontend-cert=${pair.cert}`,
    `--frontend-key=${pair.key}`,
    `--allow-expose=tcp://127.0.0.1:${exposed}`,
    "--drain-timeout=20s",
  ];
  await using old = spawnCli(line);
  await old.printed(/event=admin\.listening/);
  const agentLine = (name: string, server: string) => [
    "agent",
    `--server=${server}`,
    "--cluster=edge-a",
    `--host-name=${name}`,
    "--connections=1",
    `--target=echo=${echo.address}`,
    `--target=secure=127.0.0.1:${https}`,
    `--target=udp-echo=udp://127.0.0.1:${(udpEcho.addr as Deno.NetAddr).port}`,
    "--allow=127.0.0.0/8:*",
  ];
  await using _first = spawnCli([
    ...agentLine("h1", `127.0.0.1:${tunnel}`),
    `--expose=tcp://127.0.0.1:${exposed}=echo`,
  ]);
  await using _second = spawnCli(agentLine("h2", `unix:${ca.folder}/tunnel.sock`));
  await old.printed(/event=frontend\.exposed/);
  await old.printed(/event=tunnel\.registered .*host=h2/);
  for (const args of [["drain", "edge-a/h2"], ["weight", "edge-a/h1", "30"]]) {
    assert.equal((await outputOfCli([...args, adminFlag])).code, 0);
  }

  const everyKind = async () => {
    using trusting = Deno.createHttpClient({ caCerts: [ca.cert] });
    for (const port of [https, tls]) {
      const answer = await fetch(`https://localhost:${port}/`, { client: trusting });
      assert.equal(answer.status, 200, `port ${port}`);
      await answer.body?.cancel();
    }
    {
      using conn = await Deno.connect({ transport: "unix", path: unix });
      const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      assert.equal(await exchange(conn, head, 15), "HTTP/1.1 200 OK");
    }
    for (const port of [tcp, exposed]) {
      using conn = await dial(port!);
      assert.equal(await exchange(conn, "hello", 5), "hello", `port ${port}`);
    }
    const echoPort = Number(echo.address.split(":")[1]);
    {
      using conn = await dial(connect!);
      const to = `127.0.0.1:${echoPort}`;
      const head = `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`;
      assert.equal(await exchange(conn, head, 12), "HTTP/1.1 200");
    }
    {
      using conn = await dial(socks!);
      const bytes = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, echoPort >> 8, echoPort & 255];
      const answer = await exchange(conn, new Uint8Array(bytes), 4);
      assert.deepEqual([...encoder.encode(answer)], [5, 0, 5, 0]);
    }
    const datagrams = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const to = { transport: "udp", hostname: "127.0.0.1", port: udp! } as const;
    await datagrams.send(encoder.encode("datagram"), to);
    assert.equal(new TextDecoder().decode((await datagrams.receive())[0]), "datagram");
    datagrams.close();
  };
  await everyKind();

  {
    using lasting = await dial(tcp!);
    assert.equal(await exchange(lasting, "before", 6), "before");
    await using next = spawnCli([...line, "--takeover"]);
    await next.printed(/event=takeover\.done .*hosts=2 exposures=1 overrides=2/);
    assert.equal(await exchange(lasting, "after", 5), "after");
    lasting.close();
    assert.equal((await old.status).code, 0);
    assert.match(old.stderr, /event=server\.deaf .*taken_last=\d+ reset_at_most=\d+/);
    await next.printed(/event=admin\.listening/);
    await everyKind();
    const status = await outputOfCli(["status", adminFlag, "--json"]);
    const hosts: Record<string, unknown>[] = JSON.parse(status.stdout).hosts;
    assert.deepEqual(
      hosts.map((host) => [
        host["name"],
        host["weight_by_operator"],
        host["drained_by_operator"],
      ]).sort(),
      [["h1", 30, false], ["h2", null, true]],
    );
    assert.equal((await outputOfCli(["undrain", "edge-a/h2", adminFlag])).code, 0);
    next.kill("SIGTERM");
    assert.equal((await next.status).code, 0);
  }
  const left = [...Deno.readDirSync(ca.folder)].filter(({ name }) => /sock|^\.rt/.test(name));
  assert.deepEqual(left, []);
  udpEcho.close();
  await udpEchoing;
});

Deno.test("a takeover by another configuration is refused and changes nothing", async () => {
  await using echo = echoService();
  const [tunnel, tcp, exposed, admin, other] = freePorts(5);
  const common = ["server", `--admin=127.0.0.1:${admin}`, `--tunnel=127.0.0.1:${tunnel}`];
  const allow = `--allow-expose=tcp://127.0.0.1:${exposed}`;
  const listen = `--listen=tcp://127.0.0.1:${tcp}/edge-a`;
  await using old = spawnCli([...common, listen, allow]);
  await old.printed(/event=admin\.listening/);
  await using agent = spawnCli([
    "agent",
    `--server=127.0.0.1:${tunnel}`,
    "--cluster=edge-a",
    `--target=${echo.address}`,
    `--expose=tcp://127.0.0.1:${exposed}`,
  ]);
  await old.printed(/event=frontend\.exposed/);
  const attempts: [flags: string[], message: RegExp][] = [
    [
      [`--listen=udp://127.0.0.1:${tcp}/edge-a`, allow],
      /does not listen on every frontend address of this one: 127\.0\.0\.1:\d+$/m,
    ],
    [
      [`--listen=tcp://127.0.0.1:${other}/edge-a`, allow],
      /does not listen on every frontend address of this one: 127\.0\.0\.1:\d+$/m,
    ],
    [[listen, allow, "--tunnel=127.0.0.1:1", "--tunnel=127.0.0.1:2"], /every tunnel address/],
    [[listen], /--allow-expose does not let agents have what they have now: tcp:\/\/127.*reload$/m],
  ];
  for (const [flags, message] of attempts) {
    const isOtherTunnel = flags.some((flag) => flag.startsWith("--tunnel"));
    const start = isOtherTunnel ? common.slice(0, 2) : common;
    const refused = await outputOfCli([...start, ...flags, "--takeover"]);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, message);
  }
  for (const port of [tcp, exposed]) {
    using conn = await dial(port!);
    assert.equal(await exchange(conn, "hello", 5), "hello");
  }
  // Each attempt was ended: the next one begins anew.
  await using next = spawnCli([...common, listen, allow, "--takeover"]);
  await next.printed(/event=takeover\.done/);
  assert.equal((await old.status).code, 0);
  assert.equal(agent.stderr.includes("level=error"), false, agent.stderr);
});
