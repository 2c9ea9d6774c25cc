/** What a target that asked for it is told of its client: the PROXY protocol's first bytes. */
import { parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { encodeProxyHeader } from "../codec/proxy_protocol.ts";
import type { ProxyHeader, ProxyVersion } from "../codec/proxy_protocol.ts";
import { parseIp } from "../ip_network.ts";

/**
 * Makes the header for a connection to a target.
 *
 * @param source the client's address as the server gave it, "ip:port"; undefined where nobody is
 * behind the connection, a health check say.
 * @param destination where the connection goes; the address that the client had asked for is known
 * to the server alone.
 */
export function proxyHeader(
  version: ProxyVersion,
  source: string | undefined,
  destination: Address | undefined,
): Uint8Array {
  return encodeProxyHeader(headerOf(version, source, destination), version);
}

function headerOf(
  version: ProxyVersion,
  source: string | undefined,
  destination: Address | undefined,
): ProxyHeader {
  const client = source === undefined ? undefined : endpointOf(source);
  if (client === undefined) return { kind: version === "v2" ? "local" : "unknown" };
  if (destination?.kind !== "tcp" || parseIp(destination.host) === undefined) {
    return { kind: "tcp", source: client, destination: { host: "127.0.0.1", port: 0 } };
  }
  const { host, port } = destination;
  return { kind: "tcp", source: client, destination: { host, port } };
}

/** A peer's text is not to be trusted: anything but an IP address and a port is unknown. */
function endpointOf(text: string): { host: string; port: number } | undefined {
  try {
    const address = parseAddress(text);
    if (address.kind !== "tcp" || parseIp(address.host) === undefined) return undefined;
    return { host: address.host, port: address.port };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
