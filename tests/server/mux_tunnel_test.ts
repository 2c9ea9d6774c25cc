import assert from "node:assert/strict";
import { openPermit } from "../../lib/auth/permit.ts";
import { encodeAnswer, PrefaceDecoder } from "../../lib/codec/preface.ts";
import type { Answer, Preface } from "../../lib/codec/preface.ts";
import { DialError, SessionLostError } from "../../lib/errors.ts";
import type { MuxStream } from "../../lib/mux/stream.ts";
import { Host } from "../../lib/server/host.ts";
import { MuxTunnel } from "../../lib/server/mux_tunnel.ts";
import { ServerStats } from "../../lib/server/stats.ts";
import type { UpstreamRequest } from "../../lib/upstream.ts";
import { Collector, Rig, sessionPair, until } from "../mux/rig.ts";

const REQUEST: UpstreamRequest = { cluster: "c", target: "", protocol: "tcp", waitMs: 0 };

/** A tunnel whose agent does with each stream what the test says. */
function tunnelWorld(
  onStream: (stream: MuxStream) => void,
  openTimeoutMs = 60_000,
  isTracing = false,
) {
  const rig = new Rig();
  const { dialler, listener, closed } = sessionPair(rig, onStream);
  const stats = new ServerStats();
  const opened: boolean[] = [];
  const host = new Host({
    id: "h/1",
    cluster: "c",
    hostName: "h",
    givenName: "h",
    permit: openPermit(""),
    weight: 1,
    nowMs: 0,
    slowStartMs: 0,
  });
  const tunnel = new MuxTunnel({
    id: 1,
    remoteAddress: "10.0.0.7:1",
    session: dialler,
    host,
    runtime: rig.runtime,
    stats,
    events: { opened: (_, isGood) => opened.push(isGood), freed: () => {}, full: () => {} },
    openTimeoutMs,
    maxStreams: 8192,
    isTracing,
  });
  const end = async () => {
    tunnel.close();
    await closed;
    tunnel.ended();
    rig.close();
  };
  return { tunnel, stats, opened, agent: listener, end };
}

/** Reads the preface and answers. */
function answering(answer: Answer): (stream: MuxStream) => void {
  return (stream) => {
    const preface = new PrefaceDecoder();
    stream.attach({
      onData: (bytes) => {
        if (preface.push(bytes) === undefined) return;
        stream.write(encodeAnswer(answer));
        if (answer.status !== "open") stream.end();
      },
      onEnd: () => stream.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  };
}

Deno.test("an agent that does not answer an opening in time fails it, and counts against its host", async () => {
  const world = tunnelWorld((stream) => stream.attach(new Collector()), 60);
  const users = [1, 2, 3].map(() => {
    const user = new Collector();
    world.tunnel.open(REQUEST).duplex.attach(user);
    return user;
  });
  for (const user of users) {
    const error = await user.closed;
    assert.ok(error instanceof DialError && error.failure === "timeout", String(error));
  }
  assert.deepEqual(world.opened, [false, false, false]);
  assert.equal(world.stats.opensFailed, 3);
  await world.end();
});

Deno.test("what clients give up before it is answered counts against no host", async () => {
  const world = tunnelWorld((stream) => stream.attach(new Collector()));
  for (let i = 0; i < 10; i++) {
    const upstream = world.tunnel.open(REQUEST);
    upstream.duplex.attach(new Collector());
    upstream.release(false);
  }
  await until(() => world.agent.openedStreams === 10 && world.agent.streamCount === 0);
  assert.deepEqual(world.opened, []);
  assert.equal(world.stats.opensFailed, 0);
  assert.equal(world.tunnel.inFlight, 0);
  await world.end();
});

Deno.test("answers tell how the host does: open, refused by its target, refused by its rules", async () => {
  const cases: [Answer, boolean[]][] = [
    [{ status: "open" }, [true]],
    [{ status: "refused", reason: "no" }, [false]],
    [{ status: "busy" }, [false]],
    [{ status: "notAllowed" }, []],
    [{ status: "noTarget" }, []],
  ];
  for (const [answer, expected] of cases) {
    const world = tunnelWorld(answering(answer));
    const user = new Collector();
    const { duplex } = world.tunnel.open(REQUEST);
    duplex.attach(user);
    await until(() => world.stats.open.count === 1);
    assert.deepEqual(world.opened, expected, answer.status);
    if (answer.status !== "open") {
      const error = await user.closed;
      assert.ok(error instanceof DialError && error.failure === answer.status);
    }
    await world.end();
  }
});

Deno.test("a stream that the agent resets unanswered counts, one lost with its session does not", async () => {
  const resetting = tunnelWorld((stream) => stream.close());
  const user = new Collector();
  resetting.tunnel.open(REQUEST).duplex.attach(user);
  const error = await user.closed;
  assert.ok(error instanceof DialError && error.failure === "unreachable");
  assert.deepEqual(resetting.opened, [false]);
  await resetting.end();
  const dying = tunnelWorld((stream) => stream.attach(new Collector()));
  const lost = new Collector();
  dying.tunnel.open(REQUEST).duplex.attach(lost);
  await until(() => dying.agent.openedStreams === 1);
  dying.agent.close();
  // Its answer may have been lost on the way: a target may be at work.
  assert.ok(await lost.closed instanceof SessionLostError);
  assert.deepEqual(dying.opened, []);
  await dying.end();
});

Deno.test("a stream says what is traced to an agent that traces, and nothing of it to others", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const isTracing of [true, false]) {
    const prefaces: Preface[] = [];
    const world = tunnelWorld(
      (stream) => {
        const decoder = new PrefaceDecoder();
        stream.attach({
          onData(bytes) {
            const pushed = decoder.push(bytes);
            if (pushed === undefined) return;
            prefaces.push(pushed.preface);
            stream.write(encodeAnswer({ status: "open" }));
          },
          onEnd: () => stream.end(),
          onDrain() {},
          onClose() {},
        });
      },
      60_000,
      isTracing,
    );
    const said: unknown[] = [];
    world.tunnel.control = { send: (message: unknown) => said.push(message) } as never;
    const request = { ...REQUEST, protocol: "http" as const };
    // New and traced, kept and traced, kept and not.
    for (const trace of [traceparent, traceparent, undefined]) {
      const upstream = world.tunnel.open({ ...request, traceparent: trace });
      upstream.duplex.attach(new Collector());
      await until(() => world.stats.open.count === 1);
      upstream.release(true);
    }
    assert.deepEqual(prefaces, isTracing ? [{ traceparent }] : [{}]);
    assert.deepEqual(said, isTracing ? [{ type: "trace", streamId: 1, traceparent }] : []);
    assert.equal(world.stats.streamsReused, 2);
    await world.end();
  }
});
