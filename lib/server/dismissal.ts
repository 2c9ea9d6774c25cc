/** Hosts that a change of the configuration leaves without a place. */
import type { Permit } from "../auth/permit.ts";
import type { Runtime } from "../runtime.ts";
import type { Registry } from "./registry.ts";

/** What decides. */
export interface DismissalOptions {
  readonly registry: Registry;
  readonly runtime: Runtime;
  /** What their work in flight is given to end, ms. */
  readonly drainTimeoutMs: number;
  /** Agents under this permit may register in a cluster of this name, now. */
  allowsCluster(name: string, permit: Permit): boolean;
}

/** Hosts of clusters that are not declared any more get no new work, and leave. */
export function dismissStrangers(options: DismissalOptions): void {
  const { registry, runtime } = options;
  const strangers = [...registry.clusters.values()]
    .flatMap(({ hosts }) => [...hosts.values()])
    .filter((host) => !host.isDraining && !options.allowsCluster(host.cluster, host.permit));
  for (const host of strangers) {
    runtime.log.warn("host.dismissed", "Its cluster is not declared any more", {
      cluster: host.cluster,
      host: host.hostName,
    });
    host.isDraining = true;
    for (const connection of host.connections) connection.goAway();
  }
  if (strangers.length === 0) return;
  registry.onNews?.();
  runtime.timers.after(options.drainTimeoutMs, () => {
    for (const { cluster, permit, connections } of strangers) {
      if (options.allowsCluster(cluster, permit)) continue;
      for (const connection of [...connections]) connection.close();
    }
  });
}
