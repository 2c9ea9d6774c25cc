import assert from "node:assert/strict";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { parseProxy } from "../../lib/agent/proxy.ts";
import { hasProgram } from "../programs.ts";
import { spawnCli } from "../cli/spawn_cli.ts";
import { Scratch } from "../config/support.ts";
import { echoService, frontendRig } from "../server/frontend_rig.ts";
import { agentFor } from "./agent_for.ts";
import { FakeServer } from "./fake_server.ts";
import { HttpProxy } from "./http_proxy.ts";
import { deadAddress, EventLog, testRuntime, until } from "./support.ts";

/** The server by a name that only a proxy knows. */
function named(port: number) {
  return { kind: "tcp", host: "server.invalid", port } as const;
}

Deno.test("an agent reaches a name by its proxy and comes back when that breaks", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  await using server = new FakeServer(runtime);
  await using http = await HttpProxy.start(`Basic ${btoa("till-7:s3cret")}`);
  const target = named(server.address.port);
  const proxy = parseProxy(`http://till-7:s3cret@${http.text}`);
  await using agent = await agentFor(runtime, [target], { proxy, connectionNum: 2 });
  await agent.when(() => agent.connectionCount === 2);
  assert.deepEqual([...agent.peers].map(({ address }) => address), [target]);
  const stream = await server.hosts[0]!.open({ target: "" }, "hello");
  await stream.reader.textWith("HELLO");
  http.cut();
  await until("both to be back", () => server.hosts.length >= 4 && agent.connectionCount === 2);
  http.authorization = "other";
  http.cut();
  await until("a refusal", () => log.events.some(({ message }) => message.includes("407")));
  assert.ok(!JSON.stringify(log.events).includes("s3cret"));
});

Deno.test("an agent whose way to its proxy changes is never without a connection", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using http = await HttpProxy.start();
  // A name of this machine, too: it is dialled both ways.
  const target = parseAddress(`localhost:${server.address.port}`);
  await using agent = await agentFor(runtime, [target]);
  await agent.when(() => agent.connectionCount > 0);
  const live = () => server.hosts.filter(({ isClosed }) => !isClosed);
  const apply = async (proxy: string | undefined) => {
    const before = live();
    agent.apply({ ...agent.config, proxy: proxy === undefined ? undefined : parseProxy(proxy) });
    await until("the old one to go", () => {
      if (live().length === 0) throw new Error("it has no connection");
      return before.every(({ isClosed }) => isClosed);
    });
  };
  const peers = () => [...agent.peers].map(({ address }) => formatAddress(address));

  const dead = await deadAddress(runtime);
  agent.apply({ ...agent.config, proxy: parseProxy(`http://${formatAddress(dead)}`) });
  await until("a failure", () => [...agent.peers][0]?.lastError !== undefined);
  assert.equal(live().length, 1);

  await apply(`http://${http.text}`);
  assert.deepEqual(peers(), [formatAddress(target)]);
  assert.deepEqual(http.asked, [formatAddress(target)]);
  await apply(undefined);
  assert.ok(peers().includes(formatAddress(server.address)), peers().join());
  // Another password is for the next connection.
  await apply(`http://${http.text}`);
  const [host] = live();
  agent.apply({ ...agent.config, proxy: parseProxy(`http://till-7:new@${http.text}`) });
  assert.deepEqual(live(), [host]);
});

Deno.test("an agent's way out may be a connect:// frontend", async () => {
  await using relay = await frontendRig({
    listen: ["connect://127.0.0.1:0/edge-a"],
    allow: ["127.0.0.1:*"],
  });
  const proxy = parseProxy(`http://${relay.addresses[0]}`);
  await using echo = echoService();
  await using rig = await frontendRig({
    listen: ["tcp://127.0.0.1:0/edge-a"],
    targets: [echo.address],
    agent: { proxy },
  });
  const port = Number(rig.addresses[0]!.split(":")[1]);
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("hello"));
  const bytes = new Uint8Array(5);
  await client.read(bytes);
  assert.equal(new TextDecoder().decode(bytes), "hello");
  assert.equal(relay.server.gauges.clients, 1);
});

Deno.test({
  name: "an agent goes out by tinyproxy, which asks for a password",
  ignore: !await hasProgram("tinyproxy"),
  async fn() {
    const folder = await Deno.makeTempDir();
    using runtime = testRuntime();
    const { port } = await deadAddress(runtime);
    const settings = ["Listen 127.0.0.1", `Port ${port}`, "Allow 127.0.0.1", "Timeout 60"];
    await Deno.writeTextFile(
      `${folder}/conf`,
      [...settings, "MaxClients 10", "BasicAuth till-7 s3cret"].join("\n"),
    );
    const program = new Deno.Command("tinyproxy", {
      args: ["-d", "-c", `${folder}/conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await using server = new FakeServer(runtime);
      for (const user of ["till-7:s3cret", "till-7:wrong", ""]) {
        const proxy = parseProxy(`http://${user}@127.0.0.1:${port}`);
        await using agent = await agentFor(runtime, [server.address], { proxy });
        if (user === "till-7:s3cret") {
          await agent.when(() => agent.connectionCount === 1);
          const stream = await server.hosts[0]!.open({ target: "" }, "hello");
          await stream.reader.textWith("HELLO");
        } else {
          const said = () => [...agent.peers][0]?.lastError?.message.match(/ 40[17] .*credentials/);
          await until("a refusal", () => said() ?? undefined);
        }
      }
    } finally {
      program.kill("SIGTERM");
      await program.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("revtun agent takes its proxy from the environment or a file, and prints no password", async () => {
  using runtime = testRuntime();
  await using server = new FakeServer(runtime);
  await using http = await HttpProxy.start(`Basic ${btoa("till-7:s3cret")}`);
  await using scratch = new Scratch();
  const url = `http://till-7:s3cret@${http.text}`;
  const file = await scratch.write("proxy", `${url}\n`);
  const args = ["agent", "--server", `server.invalid:${server.address.port}`, "--cluster", "a"];
  const ways = [
    { env: { REVTUN_PROXY: url }, args: [] },
    { env: {}, args: ["--proxy-file", file] },
  ];
  for (const [index, way] of ways.entries()) {
    await using agent = spawnCli([...args, "--connections", "1", ...way.args], { env: way.env });
    await agent.printed(new RegExp(`event=agent\\.started .* proxy=${http.text}`));
    await agent.printed(/event=tunnel\.connected .*server=server\.invalid:/);
    if (index === 1) {
      // Another password, which the proxy does not take, and then the right one again.
      await scratch.write("proxy", url.replace("s3cret", "0ther"));
      await agent.printed(/event=config\.reloaded/);
      http.cut();
      await agent.printed(/407 .*does not take the credentials/);
      await scratch.write("proxy", url);
      await until("it to be back", () => server.hosts.length === 3);
    }
    assert.doesNotMatch(agent.stderr + agent.stdout, /s3cret|0ther/);
  }
});
