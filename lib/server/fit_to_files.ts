/** Keeps a server's connections below what the process may have open. */
import { tlsBacklog } from "../transport/file_limit.ts";
import type { ServerConfig } from "./config.ts";

/** Files that are no connection of ours: the runtime's own, listeners, logs, admin, lookups. */
const RESERVED_FILES = 64;
/** Part of the rest that is for agents; clients come in greater numbers. */
const TUNNEL_PART = 0.2;

/**
 * Lowers the limits of `config` so that all its connections together fit into `openFiles`: out of
 * file descriptors a process can do nothing well, at a limit of its own it refuses in order.
 *
 * @param openFiles undefined where the system does not tell: then nothing is changed.
 */
export function fitToFiles(config: ServerConfig, openFiles: number | undefined): ServerConfig {
  if (openFiles === undefined) return config;
  // What comes at once at a listener of TLS has files before it can be refused.
  const bursts = tlsListeners(config) * tlsBacklog(openFiles);
  const files = Math.max(0, openFiles - RESERVED_FILES - bursts);
  const { maxTunnels, maxHandshakes, maxFrontendConnections } = config;
  if (maxTunnels + 2 * maxHandshakes + maxFrontendConnections <= files) return config;
  const forTunnels = Math.max(1, Math.floor(files * TUNNEL_PART / 2));
  const tunnels = Math.min(maxTunnels, forTunnels);
  const handshakes = Math.min(maxHandshakes, forTunnels);
  // One after the other: TLS, and then ours.
  const clients = Math.max(1, files - tunnels - 2 * handshakes);
  return {
    ...config,
    maxTunnels: tunnels,
    maxHandshakes: handshakes,
    maxFrontendConnections: Math.min(maxFrontendConnections, clients),
  };
}

function tlsListeners({ tunnels, tunnelTls, frontends }: ServerConfig): number {
  const https = frontends.filter(({ scheme }) => scheme === "https");
  return https.length + (tunnelTls === undefined ? 0 : tunnels.length);
}
