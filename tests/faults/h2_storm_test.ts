/** Streams of HTTP/2 cut off at random by all who can: nothing hangs, and nothing is left. */
import assert from "node:assert/strict";
import { until } from "../agent/support.ts";
import { frontendRig } from "../server/frontend_rig.ts";
import { seededRandom } from "../soak/random.ts";
import { stormClient, stormH2cTarget, stormHttp1Target } from "./h2_storm_peers.ts";
import type { OpenRequest, StormCounts } from "./h2_storm_peers.ts";

const SEED = Number(Deno.env.get("REVTUN_STORM_SEED") ?? Date.now() % 1_000_000);
/** As long as requests are begun; what was begun then has its deadlines. */
const STORM_MS = Number(Deno.env.get("REVTUN_STORM_MS") ?? 4000);
const CLIENTS = 12;
/** A target that says nothing is given up after this, by the server. */
const ANSWER_TIMEOUT_MS = 1500;
/** Far more than any deadline on the way. */
const PATIENCE_MS = 40_000;

Deno.test(`HTTP/2 cut off at random leaves nothing behind (REVTUN_STORM_SEED=${SEED})`, async () => {
  const randomOf = (part: number) => seededRandom(SEED * 1000 + part);
  await using h1 = await stormHttp1Target(randomOf(900));
  await using h2c = stormH2cTarget(randomOf(901));
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [`h1=${h1.address}`, `h2c=h2c://${h2c.address}`],
    server: {
      firstByteTimeoutMs: ANSWER_TIMEOUT_MS,
      routes: [
        { path: "/h1", cluster: "edge-a", target: "h1" },
        { path: "/h2c", cluster: "edge-a", target: "h2c" },
      ],
    },
  });
  const counts: StormCounts = { requests: 0, answered: 0, reset: 0, cancelled: 0, lost: 0 };
  const open = new Set<OpenRequest>();
  const untilMs = performance.now() + STORM_MS;
  const clients = Array.from({ length: CLIENTS }, async (_, index) => {
    const random = randomOf(index);
    while (performance.now() < untilMs) {
      await stormClient(rig.addresses[0]!, random, untilMs, { counts, open });
    }
  });
  let isOver = false;
  const all = Promise.all(clients).then(() => isOver = true);
  await until("every request to end", () => isOver, STORM_MS + PATIENCE_MS).catch(() => {
    const left = [...open].map(({ what, sinceMs, hasAnswer }) =>
      `${what}, ${Math.round(performance.now() - sinceMs)} ms, answered: ${hasAnswer}`
    );
    assert.fail(`${left.length} requests hang:\n${left.join("\n")}`);
  });
  await all;

  const host = [...rig.server.registry.clusters.get("edge-a")!.hosts.values()][0]!;
  const leftOf = () => ({
    clients: rig.server.gauges.clients,
    inFlight: host.inFlight,
    unread: rig.server.budget.unreadBytes,
    h1: h1.openCount,
    h2c: h2c.openCount,
  });
  const isNothing = () => Object.values(leftOf()).every((count) => count === 0);
  await until("nothing to be left", isNothing, PATIENCE_MS).catch(() => {
    assert.fail(`left: ${JSON.stringify(leftOf())}`);
  });
  // It was a storm, and not all were lost in it.
  const { answered, cancelled, lost } = counts;
  assert.ok(answered > 0 && cancelled > 0 && lost > 0, JSON.stringify(counts));
});
