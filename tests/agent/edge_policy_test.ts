import assert from "node:assert/strict";
import { EdgePolicy, hasEdgeRules, NO_EDGE_RULES } from "../../lib/agent/edge_policy.ts";
import type { EdgeRules } from "../../lib/agent/edge_policy.ts";
import { parseRequestRule } from "../../lib/agent/request_rule.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import { EventLog, Reader, testRuntime, until } from "./support.ts";

/** A target behind a policy: what the cloud side writes, and what the service gets. */
function rig(rules: Partial<EdgeRules>, clockMs: () => number = Date.now) {
  const log = new EventLog();
  const runtime = testRuntime(log);
  const policy = new EdgePolicy({ ...NO_EDGE_RULES, ...rules }, runtime, clockMs);
  return {
    log,
    policy,
    open: (target = "") => {
      const [near, far] = memoryPair();
      const service = new Reader(far);
      const cloud = new Reader(policy.admit(target).guard(near));
      return { cloud, service };
    },
    [Symbol.dispose]: () => runtime.timers.close(),
  };
}

const requests = (...rules: string[]) => ({ requests: rules.map(parseRequestRule) });
const GET = "GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const DELETE = "DELETE /api/x HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("a request that no rule allows never reaches the service, in whatever pieces it comes", async () => {
  for (const size of [1, 7, 1000]) {
    using it = rig(requests("GET,POST:/api/*"));
    const { cloud, service } = it.open();
    const text = GET + POST;
    for (let at = 0; at < text.length; at += size) cloud.write(text.slice(at, at + size));
    await service.textWith("abc");
    assert.equal(service.text, text);
    service.write(OK + OK);
    await cloud.textWith(OK + OK);
    for (let at = 0; at < DELETE.length; at += size) cloud.write(DELETE.slice(at, at + size));
    await cloud.end();
    assert.match(
      cloud.text.slice((OK + OK).length),
      /^HTTP\/1\.1 403 .*\r\nX-Revtun-Rule: allow-request\r\n/s,
    );
    assert.equal(service.text, text);
    const [entry] = it.log.of("policy.refused");
    const { rule, target, method, path } = entry!.fields;
    assert.deepEqual(
      { rule, target, method, path },
      { rule: "allow-request", target: "default", method: "DELETE", path: "/api/x" },
    );
    assert.deepEqual(it.policy.refused, { "allow-request": 1 });
    await service.closed();
    assert.equal(it.policy.streamCount, 0);
  }
});

Deno.test("a refusal waits for the answers before it, and what comes behind it is dropped", async () => {
  using it = rig(requests("GET:/api/*"));
  const { cloud, service } = it.open();
  cloud.write(GET + DELETE + GET);
  await service.textWith(GET);
  service.write(OK.slice(0, 10));
  await cloud.textWith(OK.slice(0, 10));
  assert.ok(!cloud.text.includes("403"));
  service.write(OK.slice(10));
  await cloud.end();
  assert.match(cloud.text, /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP\/1\.1 403/);
  assert.equal(service.text, GET);
});

Deno.test("what is no HTTP is refused where requests have rules, and passes where not", async () => {
  using strict = rig(requests("web=*:/*"));
  const { cloud, service } = strict.open("web");
  cloud.write("SSH-2.0-x\r\n");
  await cloud.end();
  assert.match(cloud.text, /403 .*allow-request/s);
  assert.equal(service.text, "");
  // Another target, without a rule.
  const other = strict.open("ssh");
  other.cloud.write("SSH-2.0-x\r\n");
  assert.equal(await other.service.textWith("x\r\n"), "SSH-2.0-x\r\n");
  using counting = rig({ requestsPerSecond: 5 });
  const third = counting.open();
  third.cloud.write("\x16\x03\x01");
  assert.equal(await third.service.textWith("\x01"), "\x16\x03\x01");
});

Deno.test("another protocol begins where the service says so, not where the cloud side does", async () => {
  const upgrade =
    "GET /api/ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  using it = rig(requests("GET:/api/*"));
  const one = it.open();
  one.cloud.write(upgrade + DELETE);
  await one.service.textWith(upgrade);
  one.service.write(OK);
  await one.cloud.end();
  assert.match(one.cloud.text, /ok(HTTP\/1\.1 403 )/);
  assert.equal(one.service.text, upgrade);

  const two = it.open();
  two.cloud.write(`${upgrade}frames`);
  await two.service.textWith(upgrade);
  two.service.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello");
  assert.equal(await two.service.textWith("frames"), `${upgrade}frames`);
  await two.cloud.textWith("hello");
  two.cloud.write("more");
  await two.service.textWith("framesmore");
});

Deno.test("requests a second, streams and bytes a day have their ends", async () => {
  let clockMs = Date.parse("2027-01-31T23:59:00Z");
  using it = rig({ requestsPerSecond: 2, maxStreams: 2, bytesPerDay: 1000 }, () => clockMs);
  const { cloud, service } = it.open();
  for (let i = 0; i < 2; i++) {
    cloud.write(GET);
    await service.textWith(GET.repeat(i + 1));
    service.write(OK);
    await cloud.textWith(OK.repeat(i + 1));
  }
  cloud.write(GET);
  await cloud.end();
  assert.match(cloud.text, /403 .*X-Revtun-Rule: max-request-rate\r\nRetry-After: 1\r\n/s);
  await service.closed();

  const second = it.open();
  const third = it.open();
  assert.throws(() => it.open(), { failure: "notAllowed", message: /rule max-target-streams/ });
  second.cloud.duplex.close();
  third.service.write("x".repeat(1000));
  await third.cloud.closed();
  assert.match(third.cloud.closeError?.message ?? "", /max-daily-bytes/);
  assert.throws(() => it.open(), { failure: "notAllowed", message: /rule max-daily-bytes/ });
  clockMs += 60_000;
  assert.equal(it.policy.dayBytes, 0);
  it.open().cloud.duplex.close();
  await third.service.closed();
  assert.equal(it.policy.streamCount, 0);
});

Deno.test("other rules count from the next stream on, and what was used today stays used", async () => {
  using it = rig({ bytesPerDay: 1000, maxStreams: 5 });
  const { service } = it.open();
  service.write("x".repeat(600));
  await until("the bytes", () => it.policy.dayBytes === 600);
  it.policy.configure({ ...NO_EDGE_RULES, ...requests("GET:/api/*"), maxStreams: 2 });
  assert.deepEqual([it.policy.dayBytes, it.policy.streamCount], [600, 1]);
  const second = it.open();
  second.cloud.write(DELETE);
  await second.cloud.end();
  assert.match(second.cloud.text, /403 .*allow-request/s);
  it.open();
  assert.throws(() => it.open(), { message: /rule max-target-streams/ });
  it.policy.configure({ ...NO_EDGE_RULES, bytesPerDay: 500 });
  assert.throws(() => it.open(), { message: /rule max-daily-bytes/ });
  it.policy.configure({ ...NO_EDGE_RULES, bytesPerDay: 5000, bytesPerSecond: 1 << 20 });
  const third = it.open();
  third.cloud.write("hello");
  await third.service.textWith("hello");
});

Deno.test("refusals are logged, but never so many that they fill the log", () => {
  using it = rig({ ...requests("GET:/a"), maxStreams: 1 });
  it.policy.admit("");
  for (let i = 0; i < 1000; i++) assert.throws(() => it.policy.admit(""));
  assert.ok(it.log.of("policy.refused").length <= 40);
  assert.equal(it.policy.refused["max-target-streams"], 1000);
});

Deno.test("without a rule there is no policy", () => {
  assert.ok(!hasEdgeRules(NO_EDGE_RULES));
  assert.ok(hasEdgeRules({ ...NO_EDGE_RULES, bytesPerDay: 1 }));
});
