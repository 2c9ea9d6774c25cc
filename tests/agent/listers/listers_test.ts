/** Listers against real name servers, files and HTTP servers. */
import assert from "node:assert/strict";
import { freePort } from "../../../bench/ports.ts";
import { formatAddress } from "../../../lib/address.ts";
import { DnsLister } from "../../../lib/agent/listers/dns_lister.ts";
import { FileLister } from "../../../lib/agent/listers/file_lister.ts";
import { HttpLister } from "../../../lib/agent/listers/http_lister.ts";
import { parseLister } from "../../../lib/agent/listers/lister_config.ts";
import { parseServerList } from "../../../lib/agent/listers/server_list.ts";
import type { ServerLister } from "../../../lib/agent/listers/server_lister.ts";
import { TimerWheel } from "../../../lib/timer.ts";
import { Scratch } from "../../config/support.ts";
import { TestCa } from "../../transport/tls_support.ts";
import { agentFor } from "../agent_for.ts";
import { FakeServer } from "../fake_server.ts";
import { testRuntime, until } from "../support.ts";
import { hasProgram } from "../../programs.ts";

const never = new AbortController().signal;

async function listed(lister: ServerLister, signal = never): Promise<string[]> {
  return (await lister.list(signal)).servers.map(formatAddress).sort();
}

/** A dnsmasq of our own on loopback, with these records and no others. */
async function startDns(port: number, records: string[]): Promise<AsyncDisposable> {
  const child = new Deno.Command("dnsmasq", {
    args: [
      ...[
        "--keep-in-foreground",
        "--no-resolv",
        "--no-hosts",
        "--conf-file=/dev/null",
        "--user=root",
      ],
      ...[`--port=${port}`, "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file="],
      ...["--local=/example/", "--local-ttl=7", "--log-facility=-", ...records],
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let text = "";
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const chunk of child.stderr) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes("started")) ready.resolve();
    }
    ready.reject(new Error(`dnsmasq ended: ${text}`));
  })();
  await ready.promise;
  return {
    async [Symbol.asyncDispose]() {
      ready.promise.catch(() => {});
      child.kill("SIGTERM");
      await Promise.all([child.status, reading]);
    },
  };
}

/** A port that nobody has now. */
Deno.test({
  name:
    "the dns lister finds A, AAAA and SRV records, their TTL, and changes of them (needs dnsmasq)",
  ignore: !await hasProgram("dnsmasq"),
  fn: async () => {
    const port = freePort();
    const nameServer = `127.0.0.1:${port}`;
    const addresses = new DnsLister({
      name: "tunnel.example",
      type: "address",
      port: 9001,
      nameServer,
    });
    const srv = new DnsLister({
      name: "_tunnel._tcp.example",
      type: "srv",
      port: 9000,
      nameServer,
    });
    {
      await using _dns = await startDns(port, [
        ...[
          "--host-record=tunnel.example,10.0.0.1,fd00::1",
          "--host-record=tunnel.example,10.0.0.2",
        ],
        "--srv-host=_tunnel._tcp.example,one.example,7001,1",
        "--srv-host=_tunnel._tcp.example,two.example,7002,1",
        "--srv-host=_tunnel._tcp.example,spare.example,7003,9",
      ]);
      assert.deepEqual(await listed(addresses), [
        "10.0.0.1:9001",
        "10.0.0.2:9001",
        "[fd00::1]:9001",
      ]);
      assert.equal((await addresses.list(never)).validMs, 7000);
      assert.deepEqual(await listed(srv), ["one.example:7001", "two.example:7002"]);
      const nobody = new DnsLister({
        name: "nobody.example",
        type: "address",
        port: 1,
        nameServer,
      });
      await assert.rejects(listed(nobody), /nobody\.example has no address/);
    }
    {
      await using _dns = await startDns(port, ["--host-record=tunnel.example,10.0.0.2"]);
      assert.deepEqual(await listed(addresses), ["10.0.0.2:9001"]);
    }
  },
});

Deno.test("the dns lister gives up when it is told to", async () => {
  // Takes questions and answers none.
  const deaf = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = deaf.addr as Deno.NetAddr;
  const lister = new DnsLister({
    name: "a.example",
    type: "address",
    port: 1,
    nameServer: `127.0.0.1:${port}`,
  });
  const abort = new AbortController();
  const answer = assert.rejects(listed(lister, abort.signal), /out of patience/);
  abort.abort(new Error("out of patience"));
  await answer;
  deaf.close();
});

Deno.test("the file lister reads YAML and JSON, and says when the file changed", async () => {
  await using scratch = new Scratch();
  const path = await scratch.write("servers.yaml", "- one:1\n- tls://two:2\n");
  const timers = new TimerWheel(5);
  const lister = new FileLister(path, timers);
  assert.deepEqual(await listed(lister), ["one:1", "two:2"]);
  const changed = Promise.withResolvers<void>();
  const unwatch = lister.watch(() => changed.resolve());
  await Deno.writeTextFile(path, '{"servers": ["three"]}');
  await changed.promise;
  assert.deepEqual(await listed(lister), ["three:9000"]);
  await unwatch();
  timers.close();
  await Deno.writeTextFile(path, "[one:1,");
  await assert.rejects(listed(lister), /servers\.yaml line 1, column/);
  await Deno.remove(path);
  await assert.rejects(listed(lister), /servers\.yaml: is not there/);
});

Deno.test("the http lister asks with its token and ETag, and bears with any answer", async () => {
  await using scratch = new Scratch();
  const tokenFile = await scratch.write("token", "s3cret\n");
  const asked: (string | null)[][] = [];
  let answer: () => Response = () => new Response('["one:1"]', { headers: { etag: '"v1"' } });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ headers }) => {
    asked.push([headers.get("authorization"), headers.get("if-none-match")]);
    return answer();
  });
  const lister = new HttpLister({ url: `http://127.0.0.1:${server.addr.port}/servers`, tokenFile });
  assert.deepEqual(await listed(lister), ["one:1"]);
  answer = () => new Response(null, { status: 304 });
  assert.deepEqual(await listed(lister), ["one:1"]);
  assert.deepEqual(asked, [["Bearer s3cret", null], ["Bearer s3cret", '"v1"']]);
  const bad: [() => Response, RegExp][] = [
    [() => new Response("no", { status: 503 }), /it answers 503/],
    [() => Response.redirect("http://127.0.0.1:1/"), /it answers 302/],
    [() => new Response("<html>"), /its answer is no list of servers/],
    [() => new Response(""), /its answer is no list of servers/],
    [() => new Response('["a b"]'), /its answer entry 1: "a b" is not an address/],
    [() => new Response("[1]"), /its answer entry 1 is no text/],
    [() => new Response(new Uint8Array(10 << 20)), /it answers with more than 1048576 bytes/],
  ];
  for (const [response, message] of bad) {
    answer = response;
    await assert.rejects(listed(lister), message);
  }
  await server.shutdown();
  await assert.rejects(listed(lister), /refused/);
});

Deno.test("the http lister asks over TLS by a CA of its own, with a token and ETag", async () => {
  await using ca = await TestCa.make();
  await using strange = await TestCa.make();
  const { cert, key } = await ca.sign(["localhost"]);
  const tokenFile = `${ca.folder}/token`;
  await Deno.writeTextFile(tokenFile, "first\n", { mode: 0o600 });
  const asked: (string | null)[][] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    ({ headers }) => {
      asked.push([headers.get("authorization"), headers.get("if-none-match")]);
      return headers.get("if-none-match") === '"v1"'
        ? new Response(null, { status: 304 })
        : new Response("servers: [one:1, two:2]\n", { headers: { etag: '"v1"' } });
    },
  );
  const url = `https://localhost:${server.addr.port}/servers`;
  const lister = new HttpLister({ url, tokenFile, ca: ca.certFile });
  assert.deepEqual(await listed(lister), ["one:1", "two:2"]);
  // The file's token of now, each time.
  await Deno.writeTextFile(tokenFile, "second\n", { mode: 0o600 });
  assert.deepEqual(await listed(lister), ["one:1", "two:2"]);
  assert.deepEqual(asked, [["Bearer first", null], ["Bearer second", '"v1"']]);
  for (const other of [strange.certFile, undefined]) {
    await assert.rejects(listed(new HttpLister({ url, tokenFile, ca: other })), /certificate/i);
  }
  const wrongName = new HttpLister({
    url: url.replace("localhost", "127.0.0.1"),
    tokenFile,
    ca: ca.certFile,
  });
  await assert.rejects(listed(wrongName), /certificate/i);
  assert.equal(asked.length, 2, "a server that is not the right one gets no token");
  await Deno.chmod(tokenFile, 0o602);
  await assert.rejects(listed(lister), /can be written by anyone/);
});

Deno.test("parseServerList() reads lists and says what is no list", async () => {
  const good = [
    "[a:1, b:2]",
    "- a:1\n- b:2\n",
    "servers: [a:1, b:2]",
    '{"server_list": ["a:1", "b:2"]}',
  ];
  for (const text of good) {
    assert.deepEqual((await parseServerList(text)).map(formatAddress), ["a:1", "b:2"], text);
  }
  for (const text of ["", "a:1", "{}", "servers: a", "[[a]]", "[a:0]", "&a [*a]"]) {
    await assert.rejects(parseServerList(text), RangeError, text);
  }
});

Deno.test("parseLister() reads a lister from one text", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["dns:tunnel.example", {
      dynamic_server_lister: "dns",
      type: "address",
      name: "tunnel.example",
      port: 9000,
    }],
    ["dns://tunnel.example:7000", {
      dynamic_server_lister: "dns",
      type: "address",
      name: "tunnel.example",
      port: 7000,
    }],
    ["srv:_tunnel._tcp.example", {
      dynamic_server_lister: "dns",
      type: "srv",
      name: "_tunnel._tcp.example",
    }],
    ["file:servers.yaml", { dynamic_server_lister: "file", path: "servers.yaml" }],
    ["file:///etc/servers.yaml", { dynamic_server_lister: "file", path: "/etc/servers.yaml" }],
    ["https://a.example/servers", {
      dynamic_server_lister: "http",
      url: "https://a.example/servers",
    }],
  ];
  for (const [text, config] of cases) assert.deepEqual(parseLister(text), config, text);
  for (const text of ["", "dns:", "ftp://x", "tunnel.example", "https://", "file:"]) {
    assert.throws(() => parseLister(text), RangeError, text);
  }
});

Deno.test("an agent follows its list of servers: new ones are dialled, gone ones left", async () => {
  using runtime = testRuntime();
  await using scratch = new Scratch();
  await using one = new FakeServer(runtime, { hello: { serverId: "one" } });
  await using other = new FakeServer(runtime, { hello: { serverId: "other" } });
  const path = await scratch.write("servers.json", JSON.stringify([formatAddress(one.address)]));
  const config = { "dynamic_server_lister": "file", path, "remove_after": 0 } as const;
  await using agent = await agentFor(runtime, [], { serverLister: config });
  const leaving = await one.host();
  await Deno.writeTextFile(path, `servers: ["${formatAddress(other.address)}"]\n`);
  const staying = await other.host();
  await until("the first one to be left", () => leaving.isClosed);
  await Deno.writeTextFile(path, "nonsense");
  await until("the failure to be known", () => (agent.discovery?.failures ?? 0) > 0);
  assert.ok(!staying.isClosed);
  assert.match(agent.discovery?.lastError ?? "", /is no list of servers/);
});
