import assert from "node:assert/strict";
import { ConnectionSlot } from "../../lib/agent/connection_slot.ts";
import type { SlotOwner } from "../../lib/agent/connection_slot.ts";
import { ServerTally } from "../../lib/agent/server_tally.ts";
import type {
  ServerIdentity,
  TunnelConnection,
  TunnelEvents,
} from "../../lib/agent/tunnel_connection.ts";
import { Backoff } from "../../lib/backoff.ts";
import { HandshakeError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { FakeConnection } from "./fake_connection.ts";
import { testRuntime, until } from "./support.ts";

type Open = (events: TunnelEvents, signal: AbortSignal) => Promise<TunnelConnection>;

/** A slot's owner that notes what it is told. */
class FakeOwner implements SlotOwner {
  readonly runtime: Runtime;
  readonly tally: ServerTally;
  connectRetryTimes = -1;
  readonly notes: string[] = [];
  readonly connections: FakeConnection[] = [];
  readonly waits: number[] = [];
  answers: (Partial<ServerIdentity> | Error)[] = [];
  custom: Open | undefined;

  constructor(runtime: Runtime, tally = new ServerTally(1)) {
    this.runtime = runtime;
    this.tally = tally;
  }

  async open(events: TunnelEvents, signal: AbortSignal): Promise<TunnelConnection> {
    if (this.custom !== undefined) return await this.custom(events, signal);
    const answer = this.answers.shift() ?? {};
    if (answer instanceof Error) throw answer;
    const connection = new FakeConnection(answer, events);
    this.connections.push(connection);
    return connection;
  }
  connected(): void {
    this.notes.push("connected");
  }
  lost(_connection: TunnelConnection, _error: Error | undefined, waitMs: number): void {
    this.notes.push(waitMs < 0 ? "gone" : "lost");
  }
  failed(error: Error, waitMs: number): void {
    this.notes.push(`failed ${error.message}`);
    this.waits.push(waitMs);
  }
  leaving(): void {
    this.notes.push("leaving");
  }
  stateChanged(): void {}
}

function slot(owner: FakeOwner, options: { isSearching?: boolean; random?: number } = {}) {
  const random = () => options.random ?? 0;
  const backoff = new Backoff({ baseMs: 10, maxMs: 40, refusedMs: 60, random });
  return new ConnectionSlot(owner, { backoff, isSearching: options.isSearching ?? false });
}

Deno.test("ConnectionSlot dials until it is connected, and again when that ends", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  owner.answers = [new Error("no route"), new Error("no route"), {}, new Error("down")];
  const kept = slot(owner);
  kept.start();
  await until("connection", () => kept.state === "connected");
  owner.connections[0]!.close();
  await until("another", () => owner.connections.length === 2 && kept.state === "connected");
  assert.deepEqual(owner.notes, [
    "failed no route",
    "failed no route",
    "connected",
    "lost",
    "failed down",
    "connected",
  ]);
  kept.close()?.close();
  assert.equal(kept.state, "closed");
});

Deno.test("ConnectionSlot never dials twice at once", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  let dials = 0;
  let finish: (() => void) | undefined;
  owner.custom = async (events) => {
    dials += 1;
    await new Promise<void>((resolve) => finish = resolve);
    return new FakeConnection({}, events);
  };
  const kept = slot(owner);
  kept.start();
  kept.start();
  await until("dial", () => finish !== undefined);
  kept.start();
  assert.equal(dials, 1);
  finish!();
  await until("connection", () => kept.state === "connected");
  kept.start();
  assert.equal(dials, 1);
  kept.close();
});

Deno.test("ConnectionSlot replaces a connection that is to go before it has gone", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  const kept = slot(owner);
  kept.start();
  await until("connection", () => kept.state === "connected");
  const [old] = owner.connections;
  old!.workCount = 1;
  old!.leave();
  assert.ok(old!.isDraining);
  assert.ok(!old!.isClosed);
  await until("replacement", () => kept.connection === owner.connections[1]);
  old!.leave();
  old!.finish();
  assert.deepEqual(owner.notes, ["connected", "leaving", "connected", "gone"]);
  kept.close();
});

Deno.test("ConnectionSlot waits long after a refusal for good, and knows that it was one", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  const refused = new HandshakeError("auth failed", 2, false);
  owner.answers = [refused, new HandshakeError("busy", 0, true, { retryAfterMs: 5 }), {}];
  const kept = slot(owner);
  kept.start();
  await until("refusal", () => kept.refusals === 1);
  assert.equal(kept.lastError, refused);
  await until("connection", () => kept.state === "connected");
  assert.deepEqual(owner.waits, [30, 5]);
  assert.equal(kept.refusals, 0);
  assert.equal(kept.lastError, undefined);
  kept.close();
});

Deno.test("ConnectionSlot hurries when another connection is up, unless the server asked it to wait", async () => {
  using runtime = testRuntime();
  for (
    const [error, isHurried] of [
      [new Error("no route"), true],
      [new HandshakeError("full", 0, true, { retryAfterMs: 3_600_000 }), false],
    ] as const
  ) {
    const owner = new FakeOwner(runtime);
    owner.answers = [error, {}];
    const backoff = new Backoff({
      baseMs: 10,
      maxMs: 3_600_000,
      random: () => owner.waits.length === 0 ? 1 : 0.5,
    });
    for (let i = 0; i < 30; i++) backoff.failed();
    const kept = new ConnectionSlot(owner, { backoff, isSearching: false });
    kept.hurry();
    assert.equal(owner.connections.length, 0, "nothing before it was started");
    kept.start();
    await until("failure", () => owner.waits.length === 1);
    assert.ok(owner.waits[0]! >= 3_600_000);
    kept.hurry();
    if (isHurried) await until("connection", () => kept.state === "connected");
    else assert.equal(kept.state, "waiting");
    kept.hurry();
    kept.close()?.close();
  }
});

Deno.test("ConnectionSlot counts a refusal that is final as any number of others", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  owner.answers = [{}, new HandshakeError("revoked", 2, false, { isFinal: true })];
  const kept = slot(owner);
  kept.start();
  await until("connection", () => owner.connections.length === 1);
  owner.connections[0]!.close();
  await until("refusal", () => kept.refusals === Infinity);
  kept.close();
});

Deno.test("ConnectionSlot gives up after connect_retry_times failures beyond the first", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  owner.connectRetryTimes = 2;
  owner.answers = [new Error("a"), new Error("b"), new Error("c"), {}];
  const kept = slot(owner);
  kept.start();
  await until("giving up", () => kept.state === "givenUp");
  assert.deepEqual(owner.notes, ["failed a", "failed b", "failed c"]);
  assert.equal(owner.waits.at(-1), -1);
  kept.close();
});

Deno.test("ConnectionSlot rests where the server has its connections, until one is missing", async () => {
  using runtime = testRuntime();
  const tally = new ServerTally(1);
  const owner = new FakeOwner(runtime, tally);
  owner.answers = [{ serverId: "s" }, { serverId: "s" }, { serverId: "s" }];
  const first = slot(owner);
  const second = slot(owner);
  first.start();
  await until("connection", () => first.state === "connected");
  second.start();
  await until("rest", () => second.state === "spare");
  assert.ok(owner.connections[1]!.isDraining);
  first.close()?.close();
  await until("its turn", () => second.state === "connected");
  second.close();
});

Deno.test("ConnectionSlot searches behind a load balancer for servers that lack connections", async () => {
  using runtime = testRuntime();
  const tally = new ServerTally(1);
  tally.addressCount = 1;
  const owner = new FakeOwner(runtime, tally);
  const found = (serverId: string) => ({ serverId, serverCount: 2 });
  owner.answers = [found("a"), found("a"), found("a"), found("b")];
  const base = slot(owner);
  base.start();
  await until("connection", () => base.state === "connected");
  const search = slot(owner, { isSearching: true });
  search.start();
  await until("the other server", () => search.connection?.server.serverId === "b");
  assert.ok(tally.isSatisfied);
  assert.equal(owner.connections.length, 4);
  base.close();
  search.close();
});

Deno.test("ConnectionSlot that is closed while it dials closes what the dial brings", async () => {
  using runtime = testRuntime();
  const owner = new FakeOwner(runtime);
  let finish: ((connection: FakeConnection) => void) | undefined;
  let events: TunnelEvents | undefined;
  owner.custom = (given) => {
    events = given;
    return new Promise((resolve) => finish = resolve);
  };
  const kept = slot(owner);
  kept.start();
  await until("dial", () => finish !== undefined);
  kept.close();
  const late = new FakeConnection({}, events!);
  finish!(late);
  await until("close", () => late.isClosed);
  assert.equal(kept.connection, undefined);
});
