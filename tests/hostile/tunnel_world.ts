/** A real server with an agent in good order, which no stranger's doing may touch. */
import assert from "node:assert/strict";
import { formatAddress } from "../../lib/address.ts";
import type { Address } from "../../lib/address.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { dial } from "../../lib/transport/dial.ts";
import { agentFor } from "../agent/agent_for.ts";
import { Backend, EventLog, shout, testRuntime, until } from "../agent/support.ts";
import type { TestRuntime } from "../agent/support.ts";
import { WirePeer } from "../mux/rig.ts";
import { handshake } from "./claimant.ts";

/** The world; ends with the block that made it. */
export interface TunnelWorld extends AsyncDisposable {
  readonly server: RunningServer;
  readonly log: EventLog;
  /** Port where agents come in. */
  readonly port: number;
  /** Registers as an agent of cluster "hostile" and speaks yamux by hand from there on. */
  enter(): Promise<WirePeer>;
  /** A raw connection to the tunnel port. */
  connect(): Promise<Deno.TcpConn>;
  /** @throws {AssertionError} the good agent noticed something, or something is left. */
  assertUntouched(): Promise<void>;
}

export async function tunnelWorld(settings: Partial<ServerConfig> = {}): Promise<TunnelWorld> {
  const log = new EventLog();
  const runtime = testRuntime(log);
  const quiet = testRuntime();
  const backend = new Backend(quiet, shout);
  const server = await startServer(
    serverConfig({
      frontends: [parseListenSpec("tcp://127.0.0.1:0/edge-a")],
      tunnels: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
      ...settings,
    }),
    runtime,
    "revtun/test",
  );
  const tunnel = server.tunnelAddresses[0] as Address & { kind: "tcp" };
  const [front] = server.frontendAddresses as (Address & { kind: "tcp" })[];
  const agent = await agentFor(quiet, [tunnel], { targets: parseTargets([backend.text]) });
  await agent.when(() => agent.connectionCount === 1);
  // From before the strangers came to after they left, the same bytes pass on one stream.
  const running = await Deno.connect({ hostname: "127.0.0.1", port: front!.port });
  await exchange(running, "before");
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: tunnel.port });
  return {
    server,
    log,
    port: tunnel.port,
    connect,
    enter: () => enter(tunnel, quiet),
    assertUntouched: async () => {
      await exchange(running, "after");
      using fresh = await Deno.connect({ hostname: "127.0.0.1", port: front!.port });
      await exchange(fresh, "fresh");
      await until("the strangers' end", () => {
        const { tunnels, handshakes, asides } = server.gauges;
        return tunnels === 1 && handshakes === 0 && asides === 0;
      });
      assert.equal(server.registry.hostCount, 1);
      assert.equal(server.budget.unreadBytes, 0);
      assert.equal(agent.connectionCount, 1);
      const isOfAgent = ({ fields }: { fields: Record<string, unknown> }) =>
        fields["cluster"] === "edge-a";
      assert.deepEqual(log.of("tunnel.closed").filter(isOfAgent), []);
    },
    [Symbol.asyncDispose]: async () => {
      running.close();
      await agent.abort();
      await server.close(0);
      await backend[Symbol.asyncDispose]();
      assert.equal(runtime.timers.size, 0, "timers of the server are left");
      runtime[Symbol.dispose]();
      quiet[Symbol.dispose]();
    },
  };
}

async function enter(tunnel: Address, runtime: TestRuntime): Promise<WirePeer> {
  const socket = await dial(tunnel, runtime, { timeoutMs: 5000 });
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const decoder = new FrameDecoder();
  socket.attach({
    onData: (bytes) => {
      const decoded = decoder.push(bytes);
      if (decoded !== undefined) resolve(decoded.rest.slice());
    },
    onEnd: () => socket.close(),
    onDrain: () => {},
    onClose: () => resolve(new Uint8Array(0)),
  });
  socket.write(handshake({ clusterName: "hostile" }));
  const rest = await promise;
  assert.equal(socket.isClosed, false, `${formatAddress(tunnel)} let nobody in`);
  const peer = new WirePeer(socket);
  if (rest.length > 0) peer.onData(rest);
  return peer;
}

async function exchange(conn: Deno.TcpConn, text: string): Promise<void> {
  await conn.write(new TextEncoder().encode(text));
  let answer = "";
  const buffer = new Uint8Array(256);
  while (answer.length < text.length) {
    const count = await conn.read(buffer);
    assert.ok(count !== null, `the connection ended within "${answer}"`);
    answer += new TextDecoder().decode(buffer.subarray(0, count));
  }
  assert.equal(answer, text.toUpperCase());
}
