/** A server's hosts in one lasting order. */
import type { Host } from "../server/host.ts";
import type { RunningServer } from "../server/server.ts";
import { Problem } from "./problem.ts";

/** Hosts of one cluster, or of all. @throws {Problem} 404 */
export function hostsOf(server: RunningServer, clusterName: string | null): Host[] {
  if (clusterName !== null && !server.registry.clusters.has(clusterName)) {
    throw new Problem(404, `There is no cluster "${clusterName.slice(0, 253)}"`);
  }
  return [...server.registry.clusters.values()]
    .filter((cluster) => clusterName === null || cluster.name === clusterName)
    .flatMap((cluster) => [...cluster.hosts.values()])
    .map((host): [string, Host] => [keyOfHost(host), host])
    .sort((a, b) => order(a[0], b[0]))
    .map(([, host]) => host);
}

export function keyOfHost(host: Host): string {
  return `${host.cluster}/${host.id}`;
}

/** By their characters' codes. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
