/** What clients see when the network, a side or a backend fails: a clean answer, or a closed end. */
import assert from "node:assert/strict";
import type { Connection } from "../../lib/transport/connection.ts";
import { until } from "../agent/support.ts";
import { faultWorld } from "./fault_world.ts";

/** Answers each request with its path; what is to be slow waits until it is let go. */
class PathBackend {
  readonly waiting: (() => void)[] = [];

  readonly serve = (connection: Connection): void => {
    let head = "";
    connection.attach({
      onData: (bytes) => {
        head += new TextDecoder().decode(bytes);
        if (!head.endsWith("\r\n\r\n")) return;
        const path = head.split(" ")[1]!;
        head = "";
        const answer = () => this.#answer(connection, path);
        if (path.startsWith("/slow")) this.waiting.push(answer);
        else answer();
      },
      onEnd: () => connection.end(),
      onDrain: () => {},
      onClose: () => {},
    });
  };

  #answer(connection: Connection, path: string): void {
    // Half a body: the rest never comes by itself.
    const body = path.startsWith("/half") ? path.repeat(2000) : path;
    const length = path.startsWith("/half") ? body.length * 2 : body.length;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
    connection.write(new TextEncoder().encode(head + body));
  }
}

/** A status and a body, or "cut" where the connection ended within the answer. */
async function get(
  url: string,
  onHead = () => {},
): Promise<{ status: number | "cut"; text: string }> {
  let text = "";
  try {
    const response = await fetch(url, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(20_000),
    });
    onHead();
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true });
    return { status: response.status, text };
  } catch (error) {
    assert.notEqual((error as Error).name, "TimeoutError", `${url} hangs`);
    return { status: "cut", text };
  }
}

const FAILURES: readonly unknown[] = [502, 503, 504];

Deno.test("a black hole: clients are answered in time, and all is well when it ends", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve);
  const requests = Array.from({ length: 10 }, (_, index) => get(`${world.url}/slow/${index}`));
  await until("all under way", () => backend.waiting.length === 10);
  world.proxy.blackHole();
  for (const { status } of await Promise.all(requests)) {
    assert.ok(FAILURES.includes(status), `${status}`);
  }
  const during = await get(`${world.url}/during`);
  assert.ok(FAILURES.includes(during.status), `${during.status}`);
  world.proxy.heal();
  await world.atRest();
  assert.deepEqual(await get(`${world.url}/after`), { status: 200, text: "/after" });
});

Deno.test("a reset: what may be sent again is, what has begun is cut, nothing is mixed up", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve, { server: { holdMs: 5000 } });
  const waits = Array.from({ length: 5 }, (_, index) => get(`${world.url}/slow/${index}`));
  // Before its head is there a half is like the slow ones: sent again, and then without an end.
  let heads = 0;
  const halves = Array.from(
    { length: 5 },
    (_, index) => get(`${world.url}/half/${index}`, () => heads += 1),
  );
  await until("all under way", () => backend.waiting.length === 5 && heads === 5);
  world.proxy.reset();
  await until("a second try", () => backend.waiting.length > 5);
  const letting = setInterval(() => {
    for (const answer of backend.waiting.splice(0)) answer();
  }, 5);
  const answers = await Promise.all(waits).finally(() => clearInterval(letting));
  for (const [index, { status, text }] of answers.entries()) {
    // A machine that stands still for a second loses connections of its own.
    if (FAILURES.includes(status)) continue;
    assert.deepEqual([status, text], [200, `/slow/${index}`]);
  }
  assert.ok(answers.some(({ status }) => status === 200));
  for (const [index, { status, text }] of (await Promise.all(halves)).entries()) {
    assert.equal(status, "cut");
    assert.ok(`/half/${index}`.repeat(2000).startsWith(text), "another's bytes");
  }
  await world.atRest();
});

Deno.test("half-open connections, whichever end is left with them, are found and replaced", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve);
  for (const side of ["loseTarget", "loseClients"] as const) {
    const before = world.proxy.acceptedCount;
    world.proxy[side]();
    await until("new connections", () => world.proxy.acceptedCount >= before + 2);
    await world.atRest();
    assert.deepEqual(await get(`${world.url}/${side}`), { status: 200, text: `/${side}` });
    await world.atRest();
  }
});

Deno.test("an agent that comes back has its dead connections found long before their keepalive", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve, { keepaliveMs: 60_000, connectionNum: 1 });
  const silent = world.log.of("tunnel.registered").length;
  // One that was heard a moment ago is not doubted.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  world.proxy.loseClients();
  await until("the new one", () => world.log.of("tunnel.registered").length > silent);
  // New work goes past the one in doubt, while that is still there.
  assert.equal(world.server.gauges.tunnels, 2);
  assert.deepEqual(await get(`${world.url}/new`), { status: 200, text: "/new" });
  await world.atRest();
});

Deno.test("a backend that dies: before its answer 502, within it a cut, and the next one is served", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve);
  const wait = get(`${world.url}/slow/1`);
  const half = get(`${world.url}/half/1`);
  await until("both under way", () => backend.waiting.length === 1 && world.agent.workCount === 2);
  const early = new Set(world.backendConnections);
  for (const connection of world.backendConnections) connection.close();
  // A safe request is tried again on a fresh connection, which dies as well.
  const dying = setInterval(() => {
    for (const connection of world.backendConnections) {
      if (!early.has(connection)) connection.close();
    }
  }, 5);
  try {
    assert.equal((await wait).status, 502);
    assert.equal((await half).status, "cut");
  } finally {
    clearInterval(dying);
  }
  assert.deepEqual(await get(`${world.url}/next`), { status: 200, text: "/next" });
  await world.atRest();
});

Deno.test("answers are never another request's, while connections are cut at any byte", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve, { server: { holdMs: 5000 } });
  let answered = 0;
  for (let round = 0; round < 30; round++) {
    world.proxy.faults.cutAfterBytes = 900 + round * 37;
    const paths = Array.from({ length: 10 }, (_, index) => `/round/${round}/${index}`);
    const answers = await Promise.all(paths.map((path) => get(world.url + path)));
    for (const [index, { status, text }] of answers.entries()) {
      if (status === 200) {
        assert.equal(text, paths[index]);
        answered += 1;
      } else {
        assert.ok(status === "cut" || FAILURES.includes(status), `${status}: ${text}`);
      }
    }
  }
  assert.ok(answered > 0);
  world.proxy.faults.cutAfterBytes = Infinity;
  await until("a whole connection", () => world.agent.connectionCount === 2);
  world.proxy.reset();
  await world.atRest();
  assert.deepEqual(await get(`${world.url}/after`), { status: 200, text: "/after" });
  await world.atRest();
});

Deno.test("a far, thin network that cuts everything into pieces changes nothing but the time", async () => {
  const backend = new PathBackend();
  await using world = await faultWorld(backend.serve);
  Object.assign(world.proxy.faults, { latencyMs: 20, bytesPerSecond: 1 << 20, pieceBytes: 7 });
  const paths = Array.from({ length: 20 }, (_, index) => `/far/${index}`);
  const answers = await Promise.all(paths.map((path) => get(world.url + path)));
  assert.deepEqual(answers, paths.map((path) => ({ status: 200, text: path })));
  Object.assign(world.proxy.faults, { latencyMs: 0, bytesPerSecond: 0, pieceBytes: 0 });
  await world.atRest();
});
