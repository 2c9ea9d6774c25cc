/** Agents that ask for more frontends than anybody has a use for, at a real server. */
import assert from "node:assert/strict";
import type { Exposed } from "../../lib/codec/message.ts";
import { ask, startAgent, startServer } from "./commands.ts";
import { controlSpeaker } from "./control_speaker.ts";

Deno.test("what an agent asks for may be longer than any answer: the server lives", async () => {
  await using server = await startServer([]);
  await using agent = startAgent(server);
  await server.process.printed(/event=tunnel\.registered/);
  await using speaker = await controlSpeaker(server.tunnel, { hostName: "greedy" });
  speaker.say({ type: "expose", frontends: [{ url: `tcp://${"x".repeat(60_000)}`, target: "" }] });
  const long = await speaker.hear("exposed") as Exposed;
  assert.match(long.frontends[0]!.reason ?? "", /is no frontend/);
  const frontends = Array.from(
    { length: 1500 },
    (_, port) => ({ url: `tcp://:${port}`, target: "" }),
  );
  speaker.say({ type: "expose", frontends });
  const reasons: string[] = [];
  while (reasons.length < 80) {
    const some = await speaker.hear("exposed") as Exposed;
    reasons.push(...some.frontends.map(({ reason }) => reason ?? ""));
  }
  assert.match(reasons[63]!, /no --allow-expose/);
  assert.match(reasons[64]!, /an agent may have 64/);
  assert.equal((await ask(server.url))[0], 200);
  // One line for each time it asked, of a length that can be read.
  const lines = server.process.stderr.split("\n").filter((line) =>
    line.includes("frontend.refused")
  );
  assert.equal(lines.length, 2);
  assert.ok(lines.every((line) => line.length < 1500));
  agent.kill("SIGTERM");
  assert.equal((await agent.status).code, 0);
});
