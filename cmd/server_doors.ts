/** Who gets in by a server's settings: everybody, or nobody, is seldom what was meant. */
import { formatAddress, isLoopback } from "../lib/address.ts";
import { noCredential } from "../lib/auth/credential_policy.ts";
import { declaredClusters } from "../lib/server/agent_rules.ts";
import type { ServerConfig } from "../lib/server/config.ts";

/** What strangers can do or see; undefined if nothing. */
export function openDoorOf(config: ServerConfig): string | undefined {
  const open = config.tunnels.filter((address) => !isLoopback(address));
  if (open.length === 0) return undefined;
  const addresses = open.map(formatAddress).join(", ");
  if (config.credentialPolicy === noCredential) {
    return `Anyone who reaches ${addresses} may register a host; set REVTUN_TOKEN or --token-file`;
  }
  if (config.tunnelTls !== undefined) return undefined;
  return `Agents' credentials come to ${addresses} unencrypted; use --tls-cert or --tls auto`;
}

/** Why no agent can register, whatever it shows, and what helps; undefined if some can. */
export function shutDoorOf(
  config: ServerConfig,
): { readonly detail: string; readonly advice: string } | undefined {
  const { credentialPolicy, isOpenToClusters } = config;
  if (isOpenToClusters || credentialPolicy.isWithoutClusters !== true) return undefined;
  if (declaredClusters(config).length > 0) return undefined;
  return {
    detail: "No agent can register: no cluster is declared, and tokens name none",
    advice: "give --cluster NAME, or --open-clusters for any",
  };
}
