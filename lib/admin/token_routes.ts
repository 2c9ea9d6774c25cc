/** Tokens of agents, as far as the server's credential policy keeps them itself. */
import { ConfigError } from "../errors.ts";
import type { RunningServer } from "../server/server.ts";
import type { AdminRoute } from "./admin_route.ts";
import type { AdminSource } from "./common_routes.ts";
import { Problem } from "./problem.ts";

/** What they look at. */
interface TokenSource extends AdminSource {
  readonly server: RunningServer;
}

export const TOKEN_ROUTES: readonly AdminRoute<TokenSource>[] = [
  {
    method: "POST",
    path: "/api/v1/tokens/{id}/revoke",
    summary:
      "Takes a token of `--credential token-file` out of its file, for all servers that share it; " +
      "its agents' connections are closed when the answer comes",
    async handle({ params }, { server, runtime }) {
      const { id = "" } = params;
      const { credentialPolicy: policy } = server.config;
      if (policy.revoke === undefined) {
        const [name] = policy.names;
        throw new Problem(409, `Agents come by the policy "${name}" here, which keeps no tokens`);
      }
      const connections = connectionsOf(server, id);
      try {
        await policy.revoke([id]);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        if (error.path === id) throw new Problem(404, `There is no token "${id.slice(0, 253)}"`);
        throw new Problem(500, error.message);
      }
      runtime.log.warn("token.revoked", "An operator revoked a token", { token: id, connections });
      return { revoked: id, "closed_connections": connections };
    },
  },
];

function connectionsOf({ registry }: RunningServer, identity: string): number {
  let count = 0;
  for (const { hosts } of registry.clusters.values()) {
    for (const host of hosts.values()) {
      if (host.identity === identity) count += host.connections.length;
    }
  }
  return count;
}
