/** What agents say of their hosts on the control stream. */
import type { Message } from "../codec/message.ts";
import type { Log } from "../log.ts";
import type { Host } from "./host.ts";
import type { Registry } from "./registry.ts";
import type { ServerStats } from "./stats.ts";

/** Targets that a line of the log names. */
const MAX_NAMED = 3;

/** What a message may change. */
export interface AgentMessageContext {
  readonly registry: Registry;
  readonly stats: ServerStats;
  readonly log: Log;
}

/** Goes by a message on a host's control stream, which may speak of that host alone. */
export function takeAgentMessage(
  host: Host,
  message: Message,
  { registry, stats, log }: AgentMessageContext,
): void {
  if (!speaksOf(host, message)) {
    stats.controlIgnored += 1;
    log.warn("control.ignored", "An agent speaks of a host that is not its own", {
      cluster: host.cluster,
      host: host.hostName,
      type: message.type,
    });
    return;
  }
  switch (message.type) {
    case "adjustWeight":
      host.weight = Math.min(message.weight, host.permit.maxWeight);
      break;
    case "drain":
      host.isDraining = message.state === "draining";
      break;
    case "gracefulClose":
      host.isDraining = true;
      stats.gracefulCloses += 1;
      break;
    case "targetHealth":
      host.setHealth(message.targets);
      break;
    default:
      stats.controlIgnored += 1;
      return;
  }
  registry.capacityChanged(host.cluster);
  log.info("host.changed", "An agent changed its standing", {
    cluster: host.cluster,
    host: host.hostName,
    weight: host.weight,
    draining: host.isDraining,
    unhealthy: someOf(host.unhealthyTargets),
  });
}

/** The first few names, and how many more there are; undefined if there are none. */
function someOf(targets: ReadonlySet<string>): string | undefined {
  if (targets.size === 0) return undefined;
  const names = [...targets].slice(0, MAX_NAMED).map((name) => name || "default");
  const more = targets.size - names.length;
  return names.join(",") + (more > 0 ? ` and ${more} more` : "");
}

/** True if a message means its sender's host; names that it leaves out are its own. */
function speaksOf(host: Host, message: Message): boolean {
  switch (message.type) {
    case "adjustWeight":
      return isOrNone(message.clusterName, host.cluster) &&
        isOrNone(message.hostName, host.givenName);
    case "gracefulClose":
      return isOrNone(message.clusterName, host.cluster);
    default:
      return true;
  }
}

function isOrNone(name: string, own: string): boolean {
  return name === "" || name === own;
}
