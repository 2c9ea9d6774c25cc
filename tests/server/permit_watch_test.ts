import assert from "node:assert/strict";
import type { CredentialPolicy, Verdict } from "../../lib/auth/credential_policy.ts";
import { openPermit } from "../../lib/auth/permit.ts";
import type { Permit } from "../../lib/auth/permit.ts";
import { Host } from "../../lib/server/host.ts";
import type { HostConnection } from "../../lib/server/host.ts";
import { PermitWatch } from "../../lib/server/permit_watch.ts";
import { TimerWheel } from "../../lib/timer.ts";

/** A watch whose clock the test moves. */
function rig(review?: (permit: Permit) => Verdict) {
  let nowMs = 1_000_000;
  const policy: CredentialPolicy = {
    names: ["test"],
    decide: () => ({ isAllowed: true, permit: openPermit("x") }),
    ...(review && { review }),
  };
  const timers = new TimerWheel(50, () => nowMs);
  const ends: string[] = [];
  const watch = new PermitWatch({
    policy,
    timers,
    clockMs: () => nowMs,
    onEnd: (_, connection, reason) => ends.push(`${connection.id}: ${reason}`),
  });
  return {
    policy,
    watch,
    timers,
    ends,
    pass: (ms: number) => {
      // In steps: the wheel carries far deadlines on, one turn at a time.
      for (const end = nowMs + ms; nowMs < end;) {
        nowMs = Math.min(end, nowMs + 1000);
        timers.advance();
      }
    },
    nowMs: () => nowMs,
  };
}

function hostWith(permit: Permit) {
  const host = new Host({
    ...{ id: "till-7/1", cluster: "edge-a", hostName: "till-7", givenName: "till-7", permit },
    ...{ weight: 10, nowMs: 0, slowStartMs: 0 },
  });
  let goneAway = 0;
  const connection = { id: 1, goAway: () => goneAway++ } as unknown as HostConnection;
  return { host, connection, goneAway: () => goneAway };
}

Deno.test("a connection is asked to renew before its permit ends, and ended when it does", () => {
  const { watch, ends, pass, nowMs, timers } = rig();
  const permit = openPermit("x", nowMs() + 600_000);
  const { host, connection, goneAway } = hostWith(permit);
  watch.add(host, connection, permit);
  pass(580_000);
  assert.deepEqual([goneAway(), ends.length], [0, 0]);
  pass(12_000);
  assert.deepEqual([goneAway(), ends.length], [1, 0]);
  pass(10_000);
  assert.equal(goneAway(), 1);
  assert.match(ends[0]!, /^1: its credential expired at 1970-01-01T00:26:40/);
  watch.remove(connection);
  assert.equal(timers.size, 0);
});

Deno.test("a change of the policy ends what it revokes and bounds what it narrows", () => {
  const narrow = { ...openPermit("x"), maxWeight: 5, targets: new Set(["web"]) };
  let verdict: Verdict = { isAllowed: true, permit: narrow };
  const { watch, policy, ends, timers } = rig(() => verdict);
  const permit = openPermit("x");
  const { host, connection } = hostWith(permit);
  watch.add(host, connection, permit);
  policy.onChange!();
  assert.deepEqual([host.weight, host.mayServe("web"), host.mayServe("")], [5, true, false]);
  assert.deepEqual(ends, []);
  verdict = { isAllowed: false, failure: "revoked", reason: "revoked" };
  policy.onChange!();
  assert.deepEqual(ends, ["1: revoked"]);
  watch.remove(connection);
  policy.onChange!();
  assert.equal(ends.length, 1);
  assert.equal(timers.size, 0);
});
