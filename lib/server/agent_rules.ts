/** Which agents a server lets in: clusters that there are, room that is left, names that are free. */
import type { Permit } from "../auth/permit.ts";
import type { InitInfo } from "../codec/message.ts";
import { ConfigError } from "../errors.ts";
import type { Objection } from "./admission.ts";
import type { ServerConfig } from "./config.ts";
import type { HostConnection } from "./host.ts";
import { Tally } from "./limits.ts";
import type { Limits } from "./limits.ts";
import type { Registry } from "./registry.ts";

/** What the rules look at. */
export interface AgentRulesOptions {
  readonly registry: Registry;
  readonly limits: Limits;
  /** What the server goes by now. */
  config(): ServerConfig;
  /** It takes nothing new. */
  isClosing(): boolean;
  /** Tunnel connections that there are. */
  tunnelCount(): number;
}

/** A server's own rules for admission; credentials are decided on elsewhere. */
export class AgentRules {
  readonly #options: AgentRulesOptions;
  readonly #connections = new Tally();
  readonly #keys = new Map<number, string>();

  constructor(options: AgentRulesOptions) {
    this.#options = options;
  }

  /** Counts a connection as its agent's. */
  added(connection: HostConnection, info: InitInfo, permit: Permit): void {
    const key = agentKeyOf(info, permit);
    this.#connections.add(key);
    this.#keys.set(connection.id, key);
  }

  removed(connection: HostConnection): void {
    this.#connections.remove(this.#keys.get(connection.id) ?? "");
    this.#keys.delete(connection.id);
  }

  /** Why nobody is admitted now; undefined while there is room. */
  overload(): string | undefined {
    if (this.#options.isClosing()) return "this server is stopping";
    const { maxTunnels } = this.#options.config();
    if (this.#options.tunnelCount() < maxTunnels) return undefined;
    const detail = "No room for more tunnel connections; raise --max-tunnels";
    this.#options.limits.reached("tunnels", detail);
    return `this server has its ${maxTunnels} tunnel connections`;
  }

  /** Agents under this permit may register in a cluster of this name. */
  allowsCluster(name: string, permit: Permit): boolean {
    return this.#options.registry.allows(name) ||
      (this.#options.config().isOpenToNamedClusters && permit.namesClusters);
  }

  /** A host's name is its identity's as long as one of its connections is there. */
  objection(info: InitInfo, permit: Permit): Objection | undefined {
    const { maxConnectionsPerAgent } = this.#options.config();
    const key = agentKeyOf(info, permit);
    if (key !== "" && this.#connections.of(key) >= maxConnectionsPerAgent) {
      const reason = `this agent has its ${maxConnectionsPerAgent} connections`;
      const fields = { cluster: info.clusterName, host: info.hostName };
      this.#options.limits.reached("connectionsPerAgent", `Refused an agent: ${reason}`, fields);
      return { counter: "overload", reason };
    }
    const rival = this.#options.registry.rivalOf(info, permit.identity);
    if (rival === undefined) return undefined;
    const reason = `host "${rival.hostName}" of cluster "${rival.cluster}" is connected under ` +
      "another identity";
    return { counter: "inUse", reason };
  }
}

/**
 * The clusters that are there before any agent: a frontend that names one declares it, unless the
 * configuration says which there are.
 *
 * @throws {ConfigError} a frontend names a cluster in which no agent may register.
 */
export function declaredClusters(
  { clusters, frontends, isOpenToClusters }: ServerConfig,
): string[] {
  const named = frontends.flatMap((spec) => spec.cluster ?? []);
  const strangers = named.filter((name) => !clusters.includes(name));
  if (clusters.length > 0 && !isOpenToClusters && strangers.length > 0) {
    throw new ConfigError(
      "frontends",
      `a frontend names cluster "${strangers[0]}", which is not declared`,
    );
  }
  return [...new Set([...clusters, ...named])];
}

/**
 * Whose connections are counted together: those of one identity, or else of one process under one
 * host name. A MOSN agent says neither: its connections are told apart by nothing but themselves.
 */
function agentKeyOf(info: InitInfo, permit: Permit): string {
  if (permit.isPersonal) return `identity ${permit.identity}`;
  return info.hello === undefined
    ? ""
    : `agent ${info.clusterName}/${info.hostName}/${info.hello.agentId}`;
}
