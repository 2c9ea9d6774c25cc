/** What an operator may do to hosts while the server runs: drain them, weigh them, cut them off. */
import { ClosedError } from "../errors.ts";
import type { Host } from "./host.ts";
import type { NamedOverride } from "./host_overrides.ts";
import type { Registry } from "./registry.ts";

/** Hosts of one name in a cluster: agents may share a name, then all of them are meant. */
export function hostsNamed(registry: Registry, cluster: string, hostName: string): Host[] {
  const hosts = registry.clusters.get(cluster)?.hosts.values() ?? [];
  return [...hosts].filter((host) => host.hostName === hostName || host.id === hostName);
}

/**
 * Gives a host no new work, or takes that back; work under way goes on. It holds for the host's
 * name: also when its agent comes back.
 */
export function setDrained(
  registry: Registry,
  cluster: string,
  hostName: string,
  isDrained: boolean,
): void {
  override(registry, cluster, hostName, { isDrained: isDrained ? true : undefined });
}

/**
 * Sets a host's weight in place of its agent's own; undefined gives it back to the agent. It holds
 * for the host's name: also when its agent comes back.
 *
 * @param weight 0 (no new work) to 10,000.
 */
export function setWeight(
  registry: Registry,
  cluster: string,
  hostName: string,
  weight: number | undefined,
): void {
  override(registry, cluster, hostName, { weight });
}

/**
 * Makes `overrides` all that operators have set, for hosts that are here and those to come.
 *
 * @throws {RangeError} they are for more hosts than may be.
 */
export function adoptOverrides(registry: Registry, overrides: readonly NamedOverride[]): void {
  registry.overrides.clear();
  for (const { cluster, host, weight, isDrained } of overrides) {
    registry.overrides.set(cluster, host, { weight, isDrained });
  }
  for (const { name, hosts } of registry.clusters.values()) {
    for (const host of hosts.values()) host.override = registry.overrides.of(name, host.hostName);
    registry.capacityChanged(name);
  }
}

/** Closes a host's connections at once, work under way too; its agent will dial again. */
export function disconnect(host: Host): void {
  const error = new ClosedError("us", "disconnected by an operator");
  for (const connection of [...host.connections]) connection.close(error);
}

function override(
  registry: Registry,
  cluster: string,
  hostName: string,
  change: { weight?: number | undefined; isDrained?: boolean | undefined },
): void {
  const hosts = hostsNamed(registry, cluster, hostName);
  const name = hosts[0]?.hostName ?? hostName;
  registry.overrides.set(cluster, name, change);
  for (const host of hosts) host.override = registry.overrides.of(cluster, name);
  registry.capacityChanged(cluster);
}
