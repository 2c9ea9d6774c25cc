import assert from "node:assert/strict";
import { parseProxy } from "../../lib/agent/proxy.ts";
import { hashPassword } from "../../lib/auth/password_hash.ts";
import { Secret } from "../../lib/secret.ts";
import { SocksProxy } from "../../lib/agent/socks_proxy.ts";
import { dial } from "../../lib/transport/dial.ts";
import { Scratch } from "../config/support.ts";
import { hasProgram } from "../programs.ts";
import { frontendRig } from "../server/frontend_rig.ts";
import { TestCa, TestPeer, TlsRig } from "../transport/tls_support.ts";
import { agentFor } from "./agent_for.ts";
import { FakeServer } from "./fake_server.ts";
import { Backend, deadAddress, Reader, shout, testRuntime, until } from "./support.ts";

const TARGET = { kind: "tcp", host: "server.invalid", port: 9000 } as const;
const CREDENTIALS = new Secret("till-7:s3cret");

/** A proxy that answers each message of its client with the next of `answers`, then ends. */
function answering(
  runtime: ReturnType<typeof testRuntime>,
  answers: readonly number[][],
  asked: number[][] = [],
): Backend {
  return new Backend(runtime, (connection) => {
    let at = 0;
    connection.attach({
      onData: (bytes) => {
        asked.push([...bytes]);
        const answer = answers[at++];
        if (answer !== undefined) connection.write(Uint8Array.from(answer));
        if (at >= answers.length) connection.end();
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
}

Deno.test("SocksProxy asks for a name or an address, and leaves what is behind the answer", async () => {
  using runtime = testRuntime();
  const text = (value: string) => [...new TextEncoder().encode(value)];
  const places: [string, number[], number[]][] = [
    ["server.invalid", [3, 14, ...text("server.invalid")], [3, 2, 0x61, 0x62, 0, 1]],
    ["127.0.0.2", [1, 127, 0, 0, 2], [1, 0, 0, 0, 0, 0, 0]],
    ["::1", [4, ...new Array(15).fill(0), 1], [4, ...new Array(18).fill(0)]],
  ];
  for (const [host, place, bound] of places) {
    const asked: number[][] = [];
    const answers = [[5, 2], [1, 0], [5, 0, 0, ...bound, ...text("first")]];
    await using backend = answering(runtime, answers, asked);
    const proxy = new SocksProxy(backend.address, CREDENTIALS);
    const target = { kind: "tcp", host, port: 9000 } as const;
    const reader = new Reader(await dial(target, runtime, { timeoutMs: 5000, proxy }));
    assert.equal(await reader.textWith("first"), "first");
    assert.deepEqual(asked, [
      [5, 2, 0, 2],
      [1, 6, ...text("till-7"), 6, ...text("s3cret")],
      [5, 1, 0, ...place, 9000 >> 8, 9000 & 255],
    ]);
    reader.duplex.close();
  }
});

Deno.test("SocksProxy says what a proxy answers that leads nowhere", async () => {
  using runtime = testRuntime();
  const cases: [number[][], RegExp, Secret?][] = [
    [[[5, 0xff]], /it wants credentials, socks5:.*--proxy-file/],
    [[[5, 0xff]], /another authentication than a password/, CREDENTIALS],
    [[[5, 2]], /it wants credentials/],
    [[[5, 2], [1, 1]], /does not take the credentials/, CREDENTIALS],
    [[[5, 2], [5, 0]], /does not take the credentials/, CREDENTIALS],
    [[[0x48, 0x54]], /something .* 4854 answers there, no SOCKS 5 proxy/],
    [[[5, 0], [5, 2, 0, 1]], /it does not let anybody through to there \(reply 2\)/],
    [[[5, 0], [5, 4, 0, 1]], /it cannot reach that host \(reply 4\)/],
    [[[5, 0], [5, 99, 0, 1]], /it cannot do that \(reply 99\)/],
    [[[5, 0], [4, 0, 0, 1]], /of version 4, not 5/],
    [[[5, 0], [5, 0, 0, 9]], /an address of type 9/],
    [[[5, 0], [5, 0, 0, 3, 200, 1]], /closed without an answer/],
    [[[5]], /closed without an answer/],
    [[[]], /closed without an answer/],
  ];
  for (const [answers, message, credentials] of cases) {
    await using backend = answering(runtime, answers);
    const proxy = new SocksProxy(backend.address, credentials);
    await assert.rejects(dial(TARGET, runtime, { timeoutMs: 5000, proxy }), (error: Error) => {
      assert.match(error.message, message);
      const start = `Cannot connect to server.invalid:9000: proxy ${backend.text}: `;
      assert.ok(error.message.startsWith(start), error.message);
      return true;
    });
  }
  const long = { ...TARGET, host: "n".repeat(300) };
  await using backend = answering(runtime, [[5, 0], []]);
  await assert.rejects(
    dial(long, runtime, { timeoutMs: 5000, proxy: new SocksProxy(backend.address) }),
    /SOCKS 5 takes hosts/,
  );
});

Deno.test("an agent's way out may be a socks5:// frontend that asks for a password", async () => {
  await using scratch = new Scratch();
  const users = await scratch.write("users", `till-7:${await hashPassword("s3cret")}\n`);
  await using relay = await frontendRig({
    listen: [`socks5://127.0.0.1:0/edge-a?users=${users}`],
    allow: ["127.0.0.1:*"],
  });
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  const target = { kind: "tcp", host: "localhost", port: server.address.port } as const;
  const proxy = parseProxy(`socks5://till-7:s3cret@${relay.addresses[0]}`);
  await using agent = await agentFor(runtime, [target], { proxy });
  await agent.when(() => agent.connectionCount === 1);
  const stream = await server.hosts[0]!.open({ target: "" }, "hello");
  await stream.reader.textWith("HELLO");
});

Deno.test({
  name: "dial() goes by microsocks, in the clear and inside TLS",
  ignore: !await hasProgram("microsocks"),
  async fn() {
    await using ca = await TestCa.make();
    await using rig = await TlsRig.open([await ca.signFiles("server", ["localhost"])]);
    using runtime = testRuntime();
    const { port } = await deadAddress(runtime);
    const program = new Deno.Command("microsocks", {
      args: ["-i", "127.0.0.1", "-p", String(port), "-u", "till-7", "-P", "s3cret"],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const proxy = parseProxy(`socks5://till-7:s3cret@127.0.0.1:${port}`);
      await until("microsocks", () =>
        Deno.connect({ hostname: "127.0.0.1", port }).then((conn) => {
          conn.close();
          return true;
        }, () => false));
      const inTls = { kind: "tcp", host: "localhost", port: rig.port } as const;
      const tls = { ca: ca.cert };
      const peer = new TestPeer(await dial(inTls, runtime, { timeoutMs: 5000, proxy, tls }));
      peer.write("inside");
      const server = await rig.connection();
      await server.until(() => server.text === "inside");
      peer.connection.close();
      await using backend = new Backend(runtime, shout);
      const reader = new Reader(await dial(backend.address, runtime, { timeoutMs: 5000, proxy }));
      reader.write("hello");
      await reader.textWith("HELLO");
      reader.duplex.close();
      const wrong = parseProxy(`socks5://till-7:wrong@127.0.0.1:${port}`);
      await assert.rejects(
        dial(backend.address, runtime, { timeoutMs: 5000, proxy: wrong }),
        /does not take the credentials/,
      );
    } finally {
      program.kill("SIGTERM");
      await program.status;
    }
  },
});
