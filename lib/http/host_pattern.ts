/** Which hosts a route is for: one name, all below a name, or labels that are captured. */

/** What a label of a host may choose. */
export type Captured = "cluster" | "target" | "host";

/** A pattern, taken apart. */
export type HostPattern =
  | { readonly kind: "any" }
  | { readonly kind: "exact"; readonly host: string }
  /** Any number of labels before `suffix`, which starts with a dot. */
  | { readonly kind: "below"; readonly suffix: string }
  /** As many labels before `suffix` as there are captures. */
  | { readonly kind: "capture"; readonly suffix: string; readonly captures: readonly Captured[] };

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;
const CAPTURES: readonly string[] = ["{cluster}", "{target}", "{host}"];

/**
 * Reads a pattern.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseHostPattern(text: string | undefined): HostPattern {
  if (text === undefined || text === "*") return { kind: "any" };
  const lower = text.toLowerCase();
  if (/^\[[0-9a-f:.]+\]$/.test(lower)) return { kind: "exact", host: lower };
  const labels = lower.split(".");
  const captures: Captured[] = [];
  if (labels[0] === "*") {
    labels.shift();
  } else {
    while (labels.length > 0 && CAPTURES.includes(labels[0]!)) {
      captures.push(labels.shift()!.slice(1, -1) as Captured);
    }
  }
  const wrong = labels.find((label) => !LABEL.test(label));
  if (wrong !== undefined || labels.length === 0) {
    throw new RangeError(
      `"${text}" is no host for a route, expected shop.example.com, *.example.com or ` +
        "{cluster}.edge.example.com, without a port",
    );
  }
  if (new Set(captures).size < captures.length) {
    throw new RangeError(`"${text}" captures the same twice`);
  }
  const rest = labels.join(".");
  if (captures.length > 0) return { kind: "capture", suffix: `.${rest}`, captures };
  return lower.startsWith("*.")
    ? { kind: "below", suffix: `.${rest}` }
    : { kind: "exact", host: rest };
}

/** A host as patterns see it: in small letters, without its port and the root's dot. */
export function bareHost(host: string): string {
  const end = host.endsWith("]") ? -1 : host.lastIndexOf(":");
  const bare = (end === -1 ? host : host.slice(0, end)).toLowerCase();
  return bare.endsWith(".") ? bare.slice(0, -1) : bare;
}
