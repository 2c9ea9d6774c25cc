/** What `--listen` says: `[scheme://]address[/cluster[/target]]`. */
import { formatAddress, parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { NAME_PATTERN } from "../name.ts";

/** What a frontend speaks with its clients. */
export type FrontendScheme = "http" | "tcp";

/** One frontend. */
export interface ListenSpec {
  readonly scheme: FrontendScheme;
  readonly address: Address;
  /** Where all its clients go; undefined where each request is routed by itself. */
  readonly cluster?: string;
  /** Target of that cluster; "" is the default one. */
  readonly target: string;
}

const SCHEMES: readonly string[] = ["http", "tcp"] satisfies FrontendScheme[];
/** Schemes that are reserved for frontends to come. */
const RESERVED_SCHEMES = ["https", "tls", "socks5", "connect", "udp"];

/**
 * Reads a frontend's text: `:8080`, `tcp://:2222/edge-a/ssh`, `unix:/run/f.sock?cluster=c&target=t`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseListenSpec(text: string): ListenSpec {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text);
  const scheme = match === null ? "http" : match[1]!.toLowerCase();
  if (!SCHEMES.includes(scheme)) {
    throw new RangeError(
      RESERVED_SCHEMES.includes(scheme)
        ? `scheme ${scheme}:// is not built in yet, expected http:// or tcp://`
        : `"${scheme}" is no scheme of a frontend, expected http:// or tcp://`,
    );
  }
  const rest = match === null ? text : match[2]!;
  const spec = rest.startsWith("unix:") ? parseUnix(rest) : parseTcp(rest);
  for (const name of [spec.cluster, spec.target || undefined]) {
    if (name !== undefined && !NAME_PATTERN.test(name)) {
      throw new RangeError(
        `"${name}" is not a name, use 1 to 253 of letters, digits, ".", "_" and "-"`,
      );
    }
  }
  if (scheme === "tcp" && spec.cluster === undefined) {
    throw new RangeError(`"${text}" names no cluster, expected tcp://ADDRESS/CLUSTER[/TARGET]`);
  }
  return { scheme: scheme as FrontendScheme, ...spec };
}

/** Writes a frontend the way {@link parseListenSpec} reads it. */
export function formatListenSpec(spec: ListenSpec): string {
  const address = formatAddress(spec.address);
  if (spec.address.kind === "unix") {
    const query = new URLSearchParams();
    if (spec.cluster !== undefined) query.set("cluster", spec.cluster);
    if (spec.target !== "") query.set("target", spec.target);
    return `${spec.scheme}://${address}${query.size > 0 ? `?${query}` : ""}`;
  }
  const path = [spec.cluster, spec.target].filter((name) => name !== undefined && name !== "");
  return [`${spec.scheme}://${address}`, ...path].join("/");
}

function parseTcp(rest: string): Omit<ListenSpec, "scheme"> {
  const [address, cluster, target, ...more] = rest.split("/");
  if (more.length > 0) throw new RangeError(`"${rest}" has more than /CLUSTER/TARGET behind it`);
  return {
    address: parseAddress(address!, { host: "" }),
    ...(cluster ? { cluster } : {}),
    target: target ?? "",
  };
}

function parseUnix(rest: string): Omit<ListenSpec, "scheme"> {
  const [path, query] = rest.split("?", 2);
  const params = new URLSearchParams(query ?? "");
  for (const key of params.keys()) {
    if (key !== "cluster" && key !== "target") {
      throw new RangeError(`"${key}" is unknown in "${rest}", expected cluster= or target=`);
    }
  }
  const cluster = params.get("cluster");
  return {
    address: parseAddress(path!),
    ...(cluster ? { cluster } : {}),
    target: params.get("target") ?? "",
  };
}
