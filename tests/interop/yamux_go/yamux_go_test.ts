/** A session with hashicorp/yamux in Go at the other end, on both ends of the tunnel. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { formatAddress } from "../../../lib/address.ts";
import type { Address } from "../../../lib/address.ts";
import { parseTargets } from "../../../lib/agent/target.ts";
import type { RunningAgent } from "../../../lib/agent/agent.ts";
import { serverConfig } from "../../../lib/server/config.ts";
import { parseListenSpec } from "../../../lib/server/listen_spec.ts";
import { startServer } from "../../../lib/server/server.ts";
import type { RunningServer } from "../../../lib/server/server.ts";
import { agentFor } from "../../agent/agent_for.ts";
import { Backend, EventLog, testRuntime, until } from "../../agent/support.ts";
import type { TestRuntime } from "../../agent/support.ts";
import { buildGoPeer, GoPeer } from "./go_peer.ts";
import { sendPattern, sendPatternTo, sumOf } from "./hashing.ts";
import type { Sum } from "./hashing.ts";

const BULK_BYTES = 100 << 20;
const program = await buildGoPeer();
const NEEDS_GO = { ignore: program === undefined };

/** A server of ours with a Go agent, and a TCP frontend for each of these targets. */
async function goAgentWorld(runtime: TestRuntime, targets: string[], patience?: string): Promise<
  & { server: RunningServer; go: GoPeer; http: string; ports: number[] }
  & AsyncDisposable
> {
  const specs = targets.map((target) => `tcp://127.0.0.1:0/edge-a/${target}`);
  const server = await startServer(
    serverConfig({
      frontends: ["127.0.0.1:0", ...specs].map(parseListenSpec),
      tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
    }),
    runtime,
    "revtun/test",
  );
  const [http, ...tcp] = server.frontendAddresses;
  const go = new GoPeer(
    program!,
    ["agent", formatAddress(server.tunnelAddresses[0]!)],
    patience,
  );
  await go.next("registered");
  await until("the host", () => server.registry.hostCount === 1);
  return {
    server,
    go,
    http: `http://${formatAddress(http!)}`,
    ports: tcp.map((address) => (address as Address & { kind: "tcp" }).port),
    [Symbol.asyncDispose]: async () => {
      await go[Symbol.asyncDispose]();
      await server.close(0);
    },
  };
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

async function textOf(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

Deno.test(
  "a Go agent serves HTTP requests, many at once, each with its own answer (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goAgentWorld(runtime, []);
    const paths = Array.from({ length: 600 }, (_, index) => `/id/${index}`);
    const answers = await Promise.all(paths.map(async (path) => {
      const response = await fetch(world.http + path, { method: "POST", body: path });
      return await response.text();
    }));
    assert.deepEqual(answers, paths.map((path) => `POST ${path} ${path.length}`));
    const [host] = world.server.registry.clusters.get("edge-a")!.hosts.values();
    await until("a round trip", () => host!.connections[0]!.rttMs > 0);
  },
);

Deno.test(
  "100 MB go through to a Go agent and back, checked by SHA-256 (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goAgentWorld(runtime, ["sum", `send-${BULK_BYTES}`]);
    using up = await connect(world.ports[0]!);
    const [sent, counted] = await Promise.all([sendPatternTo(up, BULK_BYTES), textOf(up)]);
    assert.equal(counted, `${BULK_BYTES} ${sent.sha256}`);
    using down = await connect(world.ports[1]!);
    const [got, said] = await Promise.all([sumOf(down), world.go.next("sent")]);
    assert.deepEqual(got, { bytes: BULK_BYTES, sha256: said.sha256 });
    assert.equal(said.error, undefined);
  },
);

Deno.test(
  "refusals, resets and pings of a Go agent touch one stream each (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goAgentWorld(runtime, ["nothing", "hang", "sum"], "300ms");
    const [nothing, hang, sum] = world.ports;
    using refused = await connect(nothing!);
    assert.equal(await textOf(refused), "");
    // Its end is passed on and ours is not sent: after StreamCloseTimeout Go resets the stream.
    using hung = await connect(hang!);
    assert.equal(await textOf(hung).catch(() => "last words"), "last words");
    await world.go.next("hung");
    await until("the reset's effect", () => world.server.gauges.clients === 0);
    assert.match((await world.go.ask("ping", "pong")).detail!, /s$/);
    using counted = await connect(sum!);
    await counted.write(new TextEncoder().encode("abc"));
    await counted.closeWrite();
    assert.match(await textOf(counted), /^3 ba7816bf/);
    assert.equal(world.server.stats.sessionErrors, 0);
    assert.equal(world.server.gauges.tunnels, 1);
  },
);

Deno.test(
  "a Go agent's GoAway ends new streams, running ones go on (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goAgentWorld(runtime, ["sum"]);
    using running = await connect(world.ports[0]!);
    await running.write(new TextEncoder().encode("ab"));
    await world.go.next("stream");
    const [host] = world.server.registry.clusters.get("edge-a")!.hosts.values();
    await world.go.ask("goaway", "goaway");
    await until("its effect", () => host!.isUsable === false);
    await running.write(new TextEncoder().encode("c"));
    await running.closeWrite();
    assert.match(await textOf(running), /^3 ba7816bf/);
    await world.go.ask("close", "ended");
    await until("the host's end", () => world.server.registry.hostCount === 0);
  },
);

Deno.test("our server's end is an orderly one for a Go agent (needs go)", NEEDS_GO, async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  await using world = await goAgentWorld(runtime, []);
  await world.server.close(0);
  await world.go.next("ended");
  const [closed] = log.of("tunnel.closed");
  assert.equal(closed?.fields["reason"], undefined);
  assert.deepEqual(log.events.filter(({ level }) => level === "warn" || level === "error"), []);
});

/** A Go server with an agent of ours behind which are four targets. */
async function goServerWorld(runtime: TestRuntime, patience?: string): Promise<
  & { go: GoPeer; agent: RunningAgent; sums: Sum[] }
  & AsyncDisposable
> {
  const sums: Sum[] = [];
  const http = new Backend(runtime, (connection) => {
    let text = "";
    connection.attach({
      onData: (bytes) => {
        text += new TextDecoder().decode(bytes);
        if (!text.endsWith("\r\n\r\n")) return;
        const line = text.split("\r\n")[0]!;
        text = "";
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${line.length}\r\n\r\n`;
        connection.write(new TextEncoder().encode(head + line));
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
  const sum = new Backend(runtime, (connection) => {
    const hash = createHash("sha256");
    let count = 0;
    connection.attach({
      onData: (bytes) => {
        count += bytes.length;
        hash.update(bytes);
      },
      onEnd: () => {
        connection.write(new TextEncoder().encode(`${count} ${hash.digest("hex")}`));
        connection.end();
      },
      onDrain: () => {},
      onClose: () => {},
    });
  });
  const send = new Backend(runtime, (connection) => {
    let drain = () => {};
    connection.attach({
      onData: () => {},
      onEnd: () => connection.end(),
      onDrain: () => drain(),
      onClose: () => {},
    });
    drain = sendPattern(connection, BULK_BYTES, (sent) => sums.push(sent)).onDrain;
  });
  const echo = new Backend(runtime, (connection) => {
    connection.attach({
      onData: (bytes, buffer) => {
        if (!connection.write(bytes, buffer)) connection.pause();
      },
      onEnd: () => connection.end(),
      onDrain: () => connection.resume(),
      onClose: () => {},
    });
  });
  const hang = new Backend(runtime, (connection) => {
    connection.attach({ onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} });
  });
  const go = new GoPeer(program!, ["server"], patience);
  const [host, port] = (await go.next("listening")).detail!.split(":");
  const agent = await agentFor(
    runtime,
    [{ kind: "tcp", host: host!, port: Number(port) }],
    {
      targets: parseTargets([
        http.text,
        `sum=${sum.text}`,
        `send=${send.text}`,
        `echo=${echo.text}`,
        `hang=${hang.text}`,
      ]),
    },
  );
  await go.next("registered");
  await agent.when(() => agent.connectionCount === 1);
  return {
    go,
    agent,
    sums,
    [Symbol.asyncDispose]: async () => {
      await agent.abort();
      await go[Symbol.asyncDispose]();
      for (const backend of [http, sum, send, echo, hang]) await backend[Symbol.asyncDispose]();
    },
  };
}

Deno.test(
  "our agent serves a Go server: requests, 300 streams at once, pings (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goServerWorld(runtime);
    const { go, agent } = world;
    // The agent's control stream, which a plain yamux peer ends.
    assert.equal((await go.ask("get /id/1", "got")).detail, "GET /id/1 HTTP/1.1");
    const many = await go.ask("many", "many");
    assert.deepEqual([many.detail, many.bytes], ["<nil>", 300]);
    assert.match((await go.ask("ping", "pong")).detail!, /s$/);
    assert.equal((await go.ask("get /id/2", "got")).detail, "GET /id/2 HTTP/1.1");
    await until("the last stream's end", () => agent.workCount === 0);
    assert.equal(agent.connectionCount, 1);
  },
);

Deno.test(
  "a Go server's reset ends its stream at our agent, and nothing else (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goServerWorld(runtime, "300ms");
    const { go, agent } = world;
    await go.ask("hang", "hung");
    await until("the reset's effect", () => agent.workCount === 0);
    assert.equal((await go.ask("get /id/1", "got")).detail, "GET /id/1 HTTP/1.1");
    assert.equal(agent.connectionCount, 1);
  },
);

Deno.test(
  "100 MB go from a Go server through our agent and back, checked by SHA-256 (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goServerWorld(runtime);
    const up = await world.go.ask(`upload ${BULK_BYTES}`, "uploaded");
    assert.equal(up.error, undefined);
    assert.equal(up.detail, `${BULK_BYTES} ${up.sha256}`);
    const down = await world.go.ask("download", "downloaded");
    assert.equal(down.error, undefined);
    assert.deepEqual(world.sums, [{ bytes: down.bytes, sha256: down.sha256 }]);
  },
);

Deno.test(
  "our agent answers a Go server's GoAway with a new connection, then its end (needs go)",
  NEEDS_GO,
  async () => {
    using runtime = testRuntime();
    await using world = await goServerWorld(runtime);
    const { go, agent } = world;
    await go.ask("goaway", "goaway");
    await go.next("registered");
    // Commands are for the new connection from here on.
    assert.equal((await go.ask("get /id/3", "got")).detail, "GET /id/3 HTTP/1.1");
    // Go's Session.Close sends no GoAway: a bare end, and the agent is back.
    await go.ask("close", "closed");
    await go.next("registered");
    assert.equal((await go.ask("get /id/4", "got")).detail, "GET /id/4 HTTP/1.1");
    await agent.close();
  },
);
