/** A server that is gone for a while, and all its agents want to come back. */
import { freePorts } from "../../../bench/ports.ts";
import { parseAddress } from "../../../lib/address.ts";
import { startAgent } from "../../../lib/agent/agent.ts";
import type { RunningAgent } from "../../../lib/agent/agent.ts";
import { agentConfig } from "../../../lib/agent/config.ts";
import { silentLog } from "../../../lib/log.ts";
import { createRuntime } from "../../../lib/runtime.ts";
import { until } from "../../agent/support.ts";
import { outputOfCli, spawnCli } from "../../cli/spawn_cli.ts";
import { pause, serverLine } from "./goal.ts";
import type { Goal } from "./goal.ts";

const AGENTS = 500;
const CONNECTIONS = 2;
const GONE_MS = 5000;
const BACK_WITHIN_MS = 15_000;

export const STORM: Goal = {
  name: "storm",
  wanted: `${AGENTS} agents are back within 15 s of a server that was gone for 5 s, ` +
    "with at most twice the handshakes needed",
  async run() {
    const [client, tunnel, admin] = freePorts(3);
    const ports = { client: client!, tunnel: tunnel!, admin: admin! };
    const runtime = createRuntime(silentLog);
    const server = spawnCli(serverLine(ports));
    await server.printed(/event=admin\.listening/);
    const agents: RunningAgent[] = [];
    const connected = () => agents.reduce((sum, agent) => sum + agent.connectionCount, 0);
    try {
      for (let index = 0; index < AGENTS; index++) {
        // Reconnects and all else by their defaults: only the names differ.
        const config = agentConfig({
          cluster: "edge-a",
          hostName: `h${index}`,
          servers: [parseAddress(`127.0.0.1:${tunnel}`)],
          connectionNum: CONNECTIONS,
        });
        agents.push(await startAgent(config, runtime, { software: "revtun/soak" }));
        // They have come over days, not all at once.
        if (index % 50 === 49) await pause(200);
      }
      await until("all agents", () => connected() === AGENTS * CONNECTIONS, 60_000);
      server.kill("SIGKILL");
      await server.status;
      await pause(GONE_MS);
      await using next = spawnCli(serverLine(ports));
      await next.printed(/event=admin\.listening/);
      const startMs = performance.now();
      const sinceMs = () => performance.now() - startMs;
      const isBack = () => agents.every((agent) => agent.connectionCount > 0);
      await until("every agent", isBack, 60_000);
      const backMs = sinceMs();
      await until("every connection", () => connected() === AGENTS * CONNECTIONS, 60_000);
      const wholeMs = sinceMs();
      const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      const handshakes = sum(metrics, /^revtun_handshakes_(?:accepted|refused)_total\S* (\d+)$/gm);
      const status = await outputOfCli(["status", `--admin=127.0.0.1:${admin}`, "--json"]);
      const hosts = JSON.parse(status.stdout).hosts.length;
      return {
        isReached: backMs < BACK_WITHIN_MS && hosts === AGENTS &&
          handshakes <= 2 * AGENTS * CONNECTIONS,
        measured: `${hosts} agents back in ${(backMs / 1000).toFixed(1)} s, all their ` +
          `${AGENTS * CONNECTIONS} connections in ${(wholeMs / 1000).toFixed(1)} s, by ` +
          `${handshakes} handshakes`,
      };
    } finally {
      await Promise.all(agents.map((agent) => agent.abort()));
      runtime.timers.close();
      await server[Symbol.asyncDispose]();
    }
  },
};

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
}
