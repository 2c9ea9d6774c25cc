/** How soon an end is there, and how soon a silent one is noticed. */
import { freePorts } from "../../../bench/ports.ts";
import { spawnCli } from "../../cli/spawn_cli.ts";
import { FaultProxy } from "../../faults/fault_proxy.ts";
import { agentLine, okService, pause, serverLine } from "./goal.ts";
import type { Goal } from "./goal.ts";

const STOP_WITHIN_MS = 1000;
const NOTICE_WITHIN_MS = 21_000;

export const STOP: Goal = {
  name: "stop",
  wanted: "an idle agent ends within 1 s of SIGTERM",
  async run() {
    const [client, tunnel, admin] = freePorts(3);
    const ports = { client: client!, tunnel: tunnel!, admin: admin! };
    await using server = spawnCli(serverLine(ports));
    await server.printed(/event=admin\.listening/);
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      await using agent = spawnCli(agentLine("h0", `127.0.0.1:${tunnel}`, "127.0.0.1:9"));
      await agent.printed(/event=tunnel\.connected .*connections=2\b/);
      await pause(500);
      const startMs = performance.now();
      agent.kill("SIGTERM");
      const { code } = await agent.status;
      if (code !== 0) throw new Error(`The agent ended with ${code}:\n${agent.stderr}`);
      times.push(Math.round(performance.now() - startMs));
    }
    const slowest = Math.max(...times);
    return { isReached: slowest < STOP_WITHIN_MS, measured: `${times.join(", ")} ms` };
  },
};

export const BLACK_HOLE: Goal = {
  name: "black-hole",
  wanted: "a black hole is noticed within 21 s, at both ends",
  async run() {
    const service = okService();
    await using _service = { [Symbol.asyncDispose]: () => service.close() };
    const [client, tunnel, admin] = freePorts(3);
    const ports = { client: client!, tunnel: tunnel!, admin: admin! };
    await using server = spawnCli(serverLine(ports));
    await server.printed(/event=admin\.listening/);
    await using proxy = await FaultProxy.start({ host: "127.0.0.1", port: tunnel! });
    await using agent = spawnCli(agentLine("h0", `127.0.0.1:${proxy.port}`, service.address));
    await agent.printed(/event=tunnel\.connected .*connections=2\b/);
    const answer = await fetch(`http://127.0.0.1:${client}/`);
    await answer.body?.cancel();
    const startMs = performance.now();
    proxy.blackHole();
    const noticed = async (process: typeof agent, event: RegExp) => {
      await process.printed(event, NOTICE_WITHIN_MS + 10_000);
      return performance.now() - startMs;
    };
    const [atServer, atAgent] = await Promise.all([
      noticed(server, /event=tunnel\.closed .*gone=true/),
      noticed(agent, /event=tunnel\.(lost|closed|disconnected)/),
    ]);
    return {
      isReached: Math.max(atServer, atAgent) < NOTICE_WITHIN_MS,
      measured: `server ${(atServer / 1000).toFixed(1)} s, agent ${(atAgent / 1000).toFixed(1)} s`,
    };
  },
};
