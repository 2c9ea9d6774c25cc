/** Agents that speak of hosts which are not theirs, to a real server. */
import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/codec/message.ts";
import type { KnownMessage } from "../../lib/codec/message.ts";
import { encodePreface } from "../../lib/codec/preface.ts";
import { silentLog } from "../../lib/log.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { Session } from "../../lib/mux/session.ts";
import { createRuntime } from "../../lib/runtime.ts";
import { SocketDuplex } from "../../lib/transport/socket.ts";
import { connect, handshake, readResponse } from "./claimant.ts";
import { ask, startAgent, startServer } from "./commands.ts";

Deno.test("weights and farewells for others' hosts are ignored, and said so", async () => {
  await using server = await startServer(["--admin", "127.0.0.1:0"]);
  const [, admin] = await server.process.printed(/event=admin\.listening .*address=(\S+)/);
  await using agent = startAgent(server);
  await server.process.printed(/event=tunnel\.registered/);

  const runtime = createRuntime(silentLog);
  const conn = await connect(server.tunnel);
  await conn.write(handshake({ hostName: "liar" }));
  assert.equal((await readResponse(conn))?.status, 1);
  const { promise: isOver, resolve } = Promise.withResolvers<void>();
  const session = new Session(new SocketDuplex(conn, runtime.pool), {
    ...{ role: "dialler", name: "liar", runtime, budget: new MemoryBudget() },
    onStream: (stream) => stream.close(),
    onClose: () => resolve(),
  });
  const stream = session.open(encodePreface({ kind: "control" }));
  stream.attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} });
  const say = (message: KnownMessage) => stream.write(encodeMessage(message));
  say({ type: "adjustWeight", clusterName: "edge-a", hostName: "till-7", weight: 0 });
  say({ type: "adjustWeight", clusterName: "edge-b", hostName: "liar", weight: 7 });
  say({ type: "gracefulClose", clusterName: "edge-b", addresses: [] });
  // The last word about itself counts, and shows that the others were read.
  say({ type: "adjustWeight", clusterName: "edge-a", hostName: "liar", weight: 0 });
  const { stderr } = await server.process.printed(/event=host\.changed .*host=liar weight=0/)
    .then(() => server.process);
  assert.equal(stderr.match(/event=control\.ignored .*host=liar/g)?.length, 3, stderr);
  assert.doesNotMatch(stderr, /event=host\.changed .*host=till-7/);
  // MOSN's farewell, of a stranger: there is no raw host at its address.
  using aside = await connect(server.tunnel);
  const addresses = ["127.0.0.1:1"];
  await aside.write(encodeMessage({ type: "gracefulClose", clusterName: "edge-a", addresses }));
  session.close();
  await isOver;
  runtime.timers.close();
  // All four are counted.
  const counted = async () =>
    /^revtun_control_ignored_total (\d+)$/m.exec((await ask(`http://${admin}/metrics`))[1])?.[1];
  while (await counted() !== "4") await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await ask(server.url))[0], 200);
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
});
