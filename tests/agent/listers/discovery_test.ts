import assert from "node:assert/strict";
import { formatAddress } from "../../../lib/address.ts";
import type { Address } from "../../../lib/address.ts";
import { BufferPool } from "../../../lib/buffer.ts";
import { Discovery } from "../../../lib/agent/listers/discovery.ts";
import type { ServerLister } from "../../../lib/agent/listers/server_lister.ts";
import { parseServerAddress } from "../../../lib/agent/server_address.ts";
import { TimerWheel } from "../../../lib/timer.ts";
import { EventLog } from "../support.ts";

/** A discovery whose time and answers are the test's. */
class Rig implements AsyncDisposable {
  nowMs = 1_000_000;
  readonly log = new EventLog();
  readonly timers = new TimerWheel(50, () => this.nowMs);
  readonly told: string[][] = [];
  looks = 0;
  answer: () => Promise<readonly Address[]> = () => Promise.resolve(this.servers("a"));
  changed: () => void = () => {};
  readonly discovery: Discovery;

  constructor() {
    const lister: ServerLister = {
      name: "test",
      list: async () => {
        this.looks += 1;
        return { servers: await this.answer() };
      },
      watch: (changed) => {
        this.changed = changed;
        return () => Promise.resolve();
      },
    };
    this.discovery = new Discovery(lister, {
      runtime: {
        log: this.log,
        timers: this.timers,
        pool: new BufferPool(),
        nowMs: () => this.nowMs,
        random: () => 0,
      },
      intervalMs: 5000,
      timeoutMs: 2000,
      removeAfterMs: 10_000,
      onServers: (servers) => void this.told.push(servers.map(formatAddress)),
    });
  }

  servers(...hosts: string[]): Address[] {
    return hosts.map((host) => parseServerAddress(`${host}:1`));
  }

  lists(...hosts: string[]): void {
    this.answer = () => Promise.resolve(this.servers(...hosts));
  }

  /** Lets time pass, in steps that no deadline is missed in. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.nowMs += 100;
      this.timers.advance();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  get last(): string[] | undefined {
    return this.told.at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.discovery.close();
    this.timers.close();
  }
}

Deno.test("new servers are told at once, gone ones after they were missing for a while", async () => {
  await using rig = new Rig();
  rig.lists("a", "b");
  rig.discovery.start();
  await rig.pass(100);
  assert.deepEqual(rig.last, ["a:1", "b:1"]);
  rig.lists("b", "c");
  await rig.pass(6000);
  assert.deepEqual(rig.last, ["a:1", "b:1", "c:1"]);
  await rig.pass(10_000);
  assert.deepEqual(rig.last, ["b:1", "c:1"]);
  assert.equal(rig.told.length, 3);
});

Deno.test("a list that does not change is told once", async () => {
  await using rig = new Rig();
  rig.discovery.start();
  await rig.pass(60_000);
  assert.ok(rig.looks > 5);
  assert.equal(rig.told.length, 1);
});

Deno.test("a server that comes and goes each second is neither dropped nor dialled anew", async () => {
  await using rig = new Rig();
  let turn = 0;
  rig.answer = () => Promise.resolve(turn++ % 2 === 0 ? rig.servers("a", "b") : rig.servers("a"));
  rig.discovery.start();
  for (let second = 0; second < 90; second++) {
    rig.changed();
    await rig.pass(1000);
  }
  assert.ok(rig.looks >= 60 && rig.looks <= 92, `${rig.looks} looks`);
  assert.deepEqual(rig.told, [["a:1", "b:1"]]);
});

Deno.test("other servers each second are bounded, and so is what is logged of them", async () => {
  await using rig = new Rig();
  let turn = 0;
  rig.answer = () => {
    turn += 1;
    return Promise.resolve(
      Array.from({ length: 10_000 }, (_, i) => rig.servers(`s${turn}-${i}`)[0]!),
    );
  };
  rig.discovery.start();
  const seen = new Set<string>();
  for (let second = 0; second < 120; second++) {
    rig.changed();
    await rig.pass(1000);
  }
  for (const servers of rig.told) {
    assert.ok(servers.length <= 256);
    for (const server of servers) seen.add(server);
  }
  // 64 new ones in 10 s at most, whatever is listed.
  assert.ok(seen.size <= 64 * 13, `${seen.size} servers`);
  assert.ok(rig.log.of("servers.too_many").length <= 3);
  assert.ok(rig.log.of("servers.changed").length <= 3);
});

Deno.test("10,000 servers are taken in step by step, up to a bound", async () => {
  await using rig = new Rig();
  rig.lists(...Array.from({ length: 10_000 }, (_, i) => `s${i}`));
  rig.discovery.start();
  await rig.pass(100);
  assert.equal(rig.last?.length, 64);
  await rig.pass(60_000);
  assert.equal(rig.last?.length, 256);
  assert.deepEqual(rig.told.map(({ length }) => length), [64, 128, 192, 256]);
});

Deno.test("a lister that fails keeps the last list, says since when, and is logged once a minute", async () => {
  await using rig = new Rig();
  rig.discovery.start();
  await rig.pass(100);
  rig.answer = () => Promise.reject(new Error("it is on fire"));
  await rig.pass(65_000);
  assert.deepEqual(rig.told, [["a:1"]]);
  const { failures, failingSince, lastError, servers } = rig.discovery.status;
  assert.ok(failures > 5);
  assert.ok(failingSince instanceof Date);
  assert.deepEqual([lastError, servers], ["it is on fire", 1]);
  assert.ok([1, 2].includes(rig.log.of("discovery.failed").length));
  rig.lists("a");
  await rig.pass(6000);
  assert.equal(rig.discovery.status.failingSince, undefined);
  assert.equal(rig.log.of("discovery.recovered").length, 1);
});

Deno.test("an empty list is a failure: an agent without servers helps nobody", async () => {
  await using rig = new Rig();
  rig.discovery.start();
  await rig.pass(100);
  rig.lists();
  await rig.pass(20_000);
  assert.deepEqual(rig.told, [["a:1"]]);
  assert.equal(rig.discovery.status.lastError, "it lists no server");
});

Deno.test("a lister that never answers is given up in time", async () => {
  await using rig = new Rig();
  const answers = Promise.withResolvers<Address[]>();
  rig.answer = () => answers.promise;
  rig.discovery.start();
  await rig.pass(2500);
  answers.reject(new Error("too late"));
  await rig.pass(100);
  assert.equal(rig.discovery.status.failures, 1);
  assert.equal(rig.discovery.status.lastError, "no answer within 2000 ms");
});
