/** A route as it is configured, and `--route`'s short form of it. */
import type { HeaderChanges } from "./header_edits.ts";

/** One route of a table. What a part does not say, any request meets. */
export type RouteRule = Readonly<{
  /**
   * `shop.example.com`, `*.example.com` (any depth below it), or with labels that are captured:
   * `{cluster}.edge.example.com`, `{host}.{cluster}.edge.example.com`. In any case, without a port.
   */
  host?: string;
  /**
   * Begin of the path: `/api` is `/api` itself and everything below `/api/`, `/api/` only the latter.
   * With a `$` at its end it is this path and no other. Compared byte for byte, nothing decoded.
   */
  path?: string;
  /** Header fields that must be there with exactly this value; with "*" they must only be there. */
  headers?: Readonly<Record<string, string>>;
  /** In capitals, as on the wire. */
  methods?: readonly string[];
  /** Where it goes: a name, or `{cluster}` as captured. */
  cluster: string;
  /** A name, `{target}` as captured; the default target if undefined. */
  target?: string;
  /** Only this host of the cluster: a name, or `{host}` as captured. */
  hostName?: string;
  /** What stands in the path instead of `path`, which must be a prefix then. */
  rewritePrefix?: string;
  requestHeaders?: HeaderChanges;
  responseHeaders?: HeaderChanges;
  /** Requests with the same client address, or value of a header, go to the same host. */
  hashBy?: "client" | Readonly<{ header: string }>;
  /** How long a request waits for a host, ms; as the frontend has it if undefined, as all below. */
  holdMs?: number;
  /** From a whole request to the first byte of its answer, ms. */
  answerTimeoutMs?: number;
  /** No byte either way, ms; 0 for never. */
  idleTimeoutMs?: number;
  /** How often a request may be sent again where that is safe; 0 for never. */
  retries?: number;
}>;

/**
 * Reads `HOST/PATH=CLUSTER[/TARGET[/HOST]]`: `shop.example.com=edge-a/web`, `/api=edge-a`,
 * `*.example.com/=edge-b`, `{cluster}.edge.example.com={cluster}`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseRouteRule(text: string): RouteRule {
  const equals = text.lastIndexOf("=");
  if (equals === -1) {
    throw new RangeError(`"${text}" is no route, expected HOST/PATH=CLUSTER/TARGET`);
  }
  const from = text.slice(0, equals).trim();
  const slash = from.indexOf("/");
  const host = slash === -1 ? from : from.slice(0, slash);
  const path = slash === -1 ? "" : from.slice(slash);
  const [cluster = "", target, hostName, ...more] = text.slice(equals + 1).trim().split("/");
  if (more.length > 0) {
    throw new RangeError(`"${text}" has more than CLUSTER/TARGET/HOST behind its "="`);
  }
  return {
    ...(host !== "" && host !== "*" && { host }),
    ...(path !== "" && path !== "/" && { path }),
    cluster,
    ...(target !== undefined && target !== "" && { target }),
    ...(hostName !== undefined && { hostName }),
  };
}

/** Writes what a route matches and where it leads, the way {@link parseRouteRule} reads it. */
export function formatRouteRule(rule: RouteRule): string {
  const { host = "*", path = "/", cluster, target, hostName } = rule;
  const to = hostName === undefined
    ? [cluster, target].filter((name) => name !== undefined)
    : [cluster, target ?? "", hostName];
  return `${host}${path}=${to.join("/")}`;
}
