/** What `--listen` says: `[scheme://]address[/cluster[/target]][?option=value]`. */
import { formatAddress, parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { NAME_PATTERN } from "../name.ts";
import { FRONTEND_KINDS } from "./frontends/kinds.ts";
import type { FrontendKind } from "./frontends/frontend.ts";
import type { FrontendScheme } from "./frontends/kinds.ts";

/** One frontend. */
export interface ListenSpec {
  readonly scheme: FrontendScheme;
  readonly address: Address;
  /** Where all its clients go; undefined where each of them, or each request, is routed by itself. */
  readonly cluster?: string;
  /** Target of that cluster; "" is the default one. */
  readonly target: string;
  /** Only these hosts of the cluster, by their ids: those that asked for the frontend. */
  readonly hostIds?: ReadonlySet<string>;
  /** What the scheme itself knows, by key in the order given; each key may come several times. */
  readonly options?: readonly (readonly [key: string, value: string])[];
}

/**
 * Reads a frontend's text: `:8080`, `tcp://:2222/edge-a/ssh`, `unix:/run/f.sock?cluster=c&target=t`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseListenSpec(text: string): ListenSpec {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  const scheme = match === null ? "http" : match[1]!.toLowerCase();
  if (!Object.hasOwn(FRONTEND_KINDS, scheme)) {
    const known = Object.keys(FRONTEND_KINDS).map((name) => `${name}://`).join(", ");
    throw new RangeError(`"${scheme}" is no scheme of a frontend, expected one of ${known}`);
  }
  const rest = match === null ? text : match[2]!;
  const question = rest.indexOf("?");
  const place = question === -1 ? rest : rest.slice(0, question);
  const query = question === -1 ? [] : [...new URLSearchParams(rest.slice(question + 1))];
  const spec: ListenSpec = {
    scheme: scheme as FrontendScheme,
    ...(place.startsWith("unix:") ? unixPlace(place, query) : tcpPlace(place, query)),
  };
  checkListenSpec(spec);
  return spec;
}

/**
 * Checks what the types leave open, of a frontend from wherever.
 *
 * @throws {RangeError} saying what is wrong with it.
 */
export function checkListenSpec(spec: ListenSpec): void {
  const kind: FrontendKind = FRONTEND_KINDS[spec.scheme];
  for (const name of [spec.cluster, spec.target || undefined]) {
    if (name !== undefined && !NAME_PATTERN.test(name)) {
      throw new RangeError(
        `"${name}" is not a name, use 1 to 253 of letters, digits, ".", "_" and "-"`,
      );
    }
  }
  if (kind.needsCluster && spec.cluster === undefined) {
    const usage = spec.address.kind === "unix" ? "?cluster=CLUSTER" : "/CLUSTER[/TARGET]";
    throw new RangeError(
      `"${formatListenSpec(spec)}" names no cluster, expected ${spec.scheme}://ADDRESS${usage}`,
    );
  }
  for (const [key] of spec.options ?? []) {
    if (kind.options.includes(key)) continue;
    const known = kind.options.length === 0
      ? `${spec.scheme}:// takes no options`
      : `expected ${kind.options.join(", ")}`;
    throw new RangeError(`option "${key}" of ${spec.scheme}:// is unknown, ${known}`);
  }
  kind.check?.(spec);
}

/** Writes a frontend the way {@link parseListenSpec} reads it. */
export function formatListenSpec(spec: ListenSpec): string {
  const query = new URLSearchParams();
  let place = formatAddress(spec.address);
  if (spec.address.kind === "unix") {
    if (spec.cluster !== undefined) query.set("cluster", spec.cluster);
    if (spec.target !== "") query.set("target", spec.target);
  } else if (spec.cluster !== undefined) {
    place += `/${spec.cluster}${spec.target === "" ? "" : `/${spec.target}`}`;
  }
  for (const [key, value] of spec.options ?? []) query.append(key, value);
  // Slashes and commas of networks and paths stay readable.
  const options = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":");
  return `${spec.scheme}://${place}${options === "" ? "" : `?${options}`}`;
}

type Place = Omit<ListenSpec, "scheme">;

function tcpPlace(place: string, options: [string, string][]): Place {
  const [address, cluster, target, ...more] = place.split("/");
  if (more.length > 0) throw new RangeError(`"${place}" has more than /CLUSTER/TARGET behind it`);
  return {
    address: parseAddress(address!, { host: "" }),
    ...(cluster ? { cluster } : {}),
    target: target ?? "",
    ...(options.length > 0 ? { options } : {}),
  };
}

/** A path has slashes of its own: cluster and target stand behind `?`. */
function unixPlace(place: string, query: [string, string][]): Place {
  const params = new URLSearchParams(query);
  const cluster = params.get("cluster");
  const options = query.filter(([key]) => key !== "cluster" && key !== "target");
  return {
    address: parseAddress(place),
    ...(cluster ? { cluster } : {}),
    target: params.get("target") ?? "",
    ...(options.length > 0 ? { options } : {}),
  };
}
