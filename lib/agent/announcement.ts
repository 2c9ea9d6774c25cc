/** What a connection tells its server and goes by, for as long as it is there. */
import { isDeepStrictEqual } from "node:util";
import type { AgentConfig } from "./config.ts";

/** Connections made by one configuration are as the other one would make them. */
export function isSameAnnouncement(a: AgentConfig, b: AgentConfig): boolean {
  return isDeepStrictEqual(announcement(a), announcement(b));
}

/**
 * What a connection is made by, goes by and tells its server; the credential of now is for the next
 * one. Streams that came by other rules of this side end with their connection.
 */
function announcement(config: AgentConfig): unknown {
  const { cluster, hostName, connectionNum, mode, keepalive, credentialPolicy } = config;
  const { reconnectBaseMs, reconnectMaxMs, connectRetryTimes, tls, proxy } = config;
  const targets = [...config.targets].map(([name, { protocol, proxyProtocol, hostHeader }]) =>
    [name, protocol, proxyProtocol, hostHeader] as const
  );
  return [
    config.edgeRules,
    [cluster, hostName, connectionNum, mode, keepalive, credentialPolicy],
    [reconnectBaseMs, reconnectMaxMs, connectRetryTimes, tls, proxy],
    targets,
  ];
}
