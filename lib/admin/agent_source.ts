/** What an agent's admin endpoint looks at. */
import type { RunningAgent } from "../agent/agent.ts";
import type { AdminSource } from "./common_routes.ts";

/** What an agent's endpoint looks at. */
export interface AgentSource extends AdminSource {
  readonly agent: RunningAgent;
}
