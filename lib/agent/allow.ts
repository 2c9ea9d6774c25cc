/** `--allow CIDR:PORTS`: what the cloud side may reach beyond the declared targets. */
import { networkContains, parseIp, parseNetwork } from "../ip_network.ts";
import type { IpNetwork } from "../ip_network.ts";

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Destinations that may be dialled. */
export interface AllowRule {
  readonly network: IpNetwork;
  readonly ports: readonly PortRange[];
}

/**
 * Reads a rule: `10.0.0.0/8:1-1024`, `192.168.1.7:22,80`, `[fd00::/8]:443`, `0.0.0.0/0:*`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseAllowRule(text: string): AllowRule {
  const match = /^(?:\[([^\]]+)\](\/\d+)?|([^[\]]+)):([^:[\]]+)$/.exec(text);
  if (match === null) {
    throw new RangeError(`"${text}" is not a rule, expected CIDR:PORTS, e.g. 10.0.0.0/8:1-1024`);
  }
  const [, bracketed, prefix = "", bare = "", ports = ""] = match;
  return {
    network: parseNetwork(bracketed === undefined ? bare : bracketed + prefix),
    ports: ports === "*" ? [{ first: 1, last: 65535 }] : ports.split(",").map(parsePortRange),
  };
}

/**
 * True if a rule allows `port` of `ip`. `ip` is an address, never a name: names are resolved first,
 * and what they resolve to is asked for here. What no rule lists is not allowed.
 */
export function isAllowed(rules: readonly AllowRule[], ip: string, port: number): boolean {
  const address = parseIp(ip);
  if (address === undefined) return false;
  return rules.some((rule) =>
    networkContains(rule.network, address) &&
    rule.ports.some(({ first, last }) => port >= first && port <= last)
  );
}

function parsePortRange(text: string): PortRange {
  const [, first = "", last = first] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (first === "" || range.first < 1 || range.last > 65535 || range.first > range.last) {
    throw new RangeError(`"${text}" is not a port or range, expected e.g. 22 or 1-1024 or *`);
  }
  return range;
}
