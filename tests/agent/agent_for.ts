/** An agent with short waits, for tests. */
import { startAgent } from "../../lib/agent/agent.ts";
import type { AgentDeps, RunningAgent } from "../../lib/agent/agent.ts";
import { agentConfig } from "../../lib/agent/config.ts";
import type { AgentConfigInit } from "../../lib/agent/config.ts";
import { memoryPair } from "../../lib/memory_duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { shout } from "./support.ts";

/** An agent that is aborted with the block that made it. */
export async function agentFor(
  runtime: Runtime,
  servers: AgentConfigInit["servers"],
  settings: Partial<AgentConfigInit> = {},
  deps: Partial<AgentDeps> = {},
): Promise<RunningAgent & AsyncDisposable> {
  const config = agentConfig({
    cluster: "edge-a",
    hostName: "till-7",
    servers,
    connectionNum: 1,
    reconnectBaseMs: 5,
    reconnectMaxMs: 20,
    drainTimeoutMs: 5000,
    ...settings,
  });
  const agent = await startAgent(config, runtime, {
    software: "revtun/test",
    openPage: () => {
      const [ours, page] = memoryPair();
      shout(page);
      return ours;
    },
    ...deps,
  });
  return Object.assign(agent, {
    [Symbol.asyncDispose]: () => agent.abort(),
  });
}
