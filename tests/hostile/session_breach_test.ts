/** Peers that break the session's protocol on a real socket, at a server's end and at an agent's. */
import assert from "node:assert/strict";
import { FrameDecoder } from "../../lib/codec/frame.ts";
import { CONNECT_STATUS } from "../../lib/codec/message.ts";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { encodeAnswer } from "../../lib/codec/preface.ts";
import { FLAG, FRAME_TYPE, GO_AWAY, writeHeader } from "../../lib/codec/yamux.ts";
import { agentFor } from "../agent/agent_for.ts";
import { Backend, EventLog, testRuntime, until } from "../agent/support.ts";
import type { TestRuntime } from "../agent/support.ts";
import { BREACHES } from "../mux/breaches.ts";
import { WirePeer } from "../mux/rig.ts";
import { handshake } from "./claimant.ts";
import { tunnelWorld } from "./tunnel_world.ts";

Deno.test("each breach of an agent ends its session by GoAway 1, in one line and one count", async (t) => {
  await using world = await tunnelWorld();
  const { server, log } = world;
  let count = 0;
  for (const [name, breach] of Object.entries(BREACHES)) {
    await t.step(name, async () => {
      count += 1;
      const peer = await world.enter();
      breach(peer, 1);
      const frame = await peer.until(({ type }) => type === FRAME_TYPE.goAway);
      assert.equal(frame.value, GO_AWAY.protocolError);
      await peer.closed;
      await until("its count", () => server.stats.sessionErrors === count);
      const lines = log.events.filter(({ level }) => level === "warn" || level === "error");
      assert.deepEqual(lines.map(({ event }) => event), ["session.protocol_error"]);
      log.events.length = 0;
      await world.assertUntouched();
    });
  }
});

Deno.test("peers that ask and never read are closed before much is held for them", async () => {
  const floods: Record<string, (index: number) => [number, number, number, number]> = {
    pings: (index) => [FRAME_TYPE.ping, FLAG.syn, 0, index],
    openings: (index) => [FRAME_TYPE.windowUpdate, FLAG.syn, 2 * index + 1, 0],
    "openings and resets": (index) => [
      FRAME_TYPE.windowUpdate,
      index % 2 === 0 ? FLAG.syn : FLAG.rst,
      (index & ~1) + 1,
      0,
    ],
  };
  await using world = await tunnelWorld();
  for (const [name, header] of Object.entries(floods)) {
    using conn = await world.connect();
    await conn.write(handshake({ clusterName: "hostile" }));
    const frames = new Uint8Array(12 * 2000);
    let index = 0;
    for (let round = 0; round < 500; round++) {
      for (let at = 0; at < frames.length; at += 12) writeHeader(frames, at, ...header(index++));
      if (!await writeAll(conn, frames)) break;
    }
    await until(`the end of the flood of ${name}`, () => world.server.gauges.tunnels === 1);
    await world.assertUntouched();
  }
  assert.equal(world.server.stats.sessionErrors, 3);
});

/** A server that shakes hands with agents, and whose sessions speak by hand from there on. */
function handServer(runtime: TestRuntime): { raw: Backend; peers: WirePeer[] } {
  const peers: WirePeer[] = [];
  const raw = new Backend(runtime, (socket) => {
    const decoder = new FrameDecoder();
    socket.attach({
      onData: (bytes) => {
        const decoded = decoder.push(bytes);
        if (decoded === undefined) return;
        const hello = { version: 1, mode: "mux", serverId: "raw", serverCount: 1 } as const;
        socket.write(
          encodeMessage({ type: "initResponse", status: CONNECT_STATUS.success, hello }),
        );
        peers.push(new WirePeer(socket));
      },
      onEnd: () => socket.close(),
      onDrain: () => {},
      onClose: () => {},
    });
  });
  return { raw, peers };
}

Deno.test("a server that floods its agent's log loses its session, or is not listened to", async () => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  const { raw, peers } = handServer(runtime);
  await using _raw = raw;
  await using agent = await agentFor(runtime, [raw.address]);
  const said = await until("a connection", () => peers.shift());
  // Stream 1 is the agent's control stream.
  const open = encodeAnswer({ status: "open" });
  said.frame(FRAME_TYPE.data, 0, 1, open.length, open);
  const weight = encodeMessage({
    type: "adjustWeight",
    clusterName: "edge-a",
    hostName: "",
    weight: 7,
  });
  for (let count = 0; count < 2000; count++) {
    said.frame(FRAME_TYPE.data, 0, 1, weight.length, weight);
  }
  await until("its end", () => log.of("control.flood").length === 1);
  assert.equal(said.isClosed, false);
  for (let stream = 2; stream < 4000; stream += 2) {
    said.frame(FRAME_TYPE.data, FLAG.syn, stream, 4, Uint8Array.of(0, 2, 0x7b, 0x5d));
  }
  await said.closed;
  await until("its count", () => agent.sessionErrors === 1);
  assert.ok(log.of("host.weight").length < 300);
  assert.ok(log.of("stream.bad_preface").length < 30);
  assert.equal(log.of("session.protocol_error").length, 1);
  await until("the next connection", () => peers.length === 1 && agent.connectionCount === 1);
  assert.equal(agent.workCount, 0);
});

Deno.test("each breach of a server ends its session by GoAway 1, and the agent dials again", async (t) => {
  const log = new EventLog();
  using runtime = testRuntime(log);
  const { raw, peers } = handServer(runtime);
  await using _raw = raw;
  await using agent = await agentFor(runtime, [raw.address]);
  let count = 0;
  for (const [name, breach] of Object.entries(BREACHES)) {
    await t.step(name, async () => {
      count += 1;
      const peer = await until("a connection", () => peers.shift());
      breach(peer, 2);
      const frame = await peer.until(({ type }) => type === FRAME_TYPE.goAway);
      assert.equal(frame.value, GO_AWAY.protocolError);
      await peer.closed;
      await until("its count", () => agent.sessionErrors === count);
      assert.equal(log.of("session.protocol_error").length, 1);
      log.events.length = 0;
    });
  }
  await until("the next connection", () => peers.length === 1 && agent.connectionCount === 1);
  assert.equal(agent.workCount, 0);
});

/** False once the far side has closed or takes no more. */
async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  try {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    return true;
  } catch {
    return false;
  }
}
