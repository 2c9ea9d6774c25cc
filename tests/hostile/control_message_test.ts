/** Agents that speak of hosts which are not theirs, to a real server. */
import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/codec/encode_message.ts";
import { connect } from "./claimant.ts";
import { ask, startAgent, startServer } from "./commands.ts";
import { controlSpeaker } from "./control_speaker.ts";

Deno.test("weights and farewells for others' hosts are ignored, and said so", async () => {
  await using server = await startServer(["--admin", "127.0.0.1:0"]);
  const [, admin] = await server.process.printed(/event=admin\.listening .*address=(\S+)/);
  await using agent = startAgent(server);
  await server.process.printed(/event=tunnel\.registered/);

  const liar = await controlSpeaker(server.tunnel, { hostName: "liar" });
  const { say } = liar;
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
  await liar[Symbol.asyncDispose]();
  // All four are counted.
  const counted = async () =>
    /^revtun_control_ignored_total (\d+)$/m.exec((await ask(`http://${admin}/metrics`))[1])?.[1];
  while (await counted() !== "4") await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await ask(server.url))[0], 200);
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
});

Deno.test("the health of targets whose names are none is not kept, nor of thousands told", async () => {
  await using server = await startServer([]);
  await using speaker = await controlSpeaker(server.tunnel, { hostName: "hypochondriac" });
  for (let index = 0; index < 20; index++) {
    speaker.say({ type: "targetHealth", targets: { [`${index}${"x".repeat(60_000)}`]: false } });
  }
  const many = Array.from({ length: 2000 }, (_, index) => [`target-${index}`, false] as const);
  speaker.say({ type: "targetHealth", targets: Object.fromEntries(many) });
  speaker.say({ type: "targetHealth", targets: { "target-0": true } });
  speaker.say({ type: "adjustWeight", clusterName: "", hostName: "", weight: 3 });
  await server.process.printed(/event=host\.changed .*weight=3 /);
  const lines = server.process.stderr.split("\n").filter((line) => line.includes("host.changed"));
  assert.equal(lines.length, 23);
  assert.ok(lines.every((line) => line.length < 1000));
  assert.match(lines.at(-1)!, /unhealthy="?target-1,target-2,target-3 and 996 more/);
});

Deno.test("what makes no sense is logged by its start, however long it is", async () => {
  await using server = await startServer(["--admin", "127.0.0.1:0"]);
  const [, admin] = await server.process.printed(/event=admin\.listening .*address=(\S+)/);
  await using speaker = await controlSpeaker(server.tunnel, { hostName: "babbler" });
  speaker.say({ type: "drain", state: "x".repeat(60_000) as "draining" });
  await server.process.printed(/event=control\.garbage .*\n/);
  assert.ok(server.process.stderr.length < 10_000);
  assert.ok((await ask(`http://${admin}/api/v1/events`))[1].length < 10_000);
});
