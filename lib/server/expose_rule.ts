/** `--allow-expose`: which frontends agents may ask for. */
import { parseHostPattern } from "../http/host_pattern.ts";
import type { HostPattern } from "../http/host_pattern.ts";
import { allowsName, parseNameRules } from "../auth/permit.ts";
import type { ExposeUrl } from "../codec/expose_url.ts";

/** One rule; what no rule allows is not allowed. */
export type ExposeRule =
  & Readonly<{
    /** Whose it is: an identity, or its beginning with `*` behind it; of any agent if undefined. */
    identity: string | undefined;
  }>
  & (
    | Readonly<{ scheme: "tcp" | "udp"; host: string; firstPort: number; lastPort: number }>
    | Readonly<{ scheme: "http"; pattern: HostPattern }>
  );

/**
 * Reads a rule: `tcp://:2000-2999`, `tcp://127.0.0.1:2222`, `udp://:5300-5399`, `http://*.example.com`, `http://*`, and
 * with an identity `till-7@tcp://:2222`, `tills-*@http://*.tills.example.com`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseExposeRule(text: string): ExposeRule {
  const [, identity, scheme, place = ""] = /^(?:([^@/]*)@)?(tcp|udp|http):\/\/(.*)$/.exec(text) ??
    [];
  if (scheme === undefined) {
    throw new RangeError(
      `"${text}" is no rule, expected [IDENTITY@]tcp://:PORTS, udp://:PORTS or http://HOSTS`,
    );
  }
  if (identity !== undefined) parseNameRules([identity]);
  if (scheme === "http") {
    const pattern = parseHostPattern(place);
    if (pattern.kind === "capture") throw new RangeError(`"${text}" captures what nobody uses`);
    return { identity, scheme, pattern };
  }
  const [, host = "", first = "", last = first] =
    /^(\[[^\]]+\]|[^:[\]]*):(\*|\d{1,5})(?:-(\d{1,5}))?$/.exec(place) ?? [];
  const [firstPort, lastPort] = first === "*" ? [1, 65535] : [Number(first), Number(last)];
  if (first === "" || firstPort < 1 || lastPort > 65535 || firstPort > lastPort) {
    throw new RangeError(
      `"${text}" has no ports, expected tcp://:2222, tcp://:2000-2999 or tcp://:*`,
    );
  }
  return {
    identity,
    scheme: scheme as "tcp" | "udp",
    host: host.replace(/^\[(.*)\]$/, "$1"),
    firstPort,
    lastPort,
  };
}

/** The rule that lets an agent of this identity have a frontend; undefined if none does. */
export function ruleFor(
  rules: readonly ExposeRule[],
  url: ExposeUrl,
  identity: string,
): ExposeRule | undefined {
  return rules.find((rule) => {
    if (rule.identity !== undefined && !allowsName([rule.identity], identity)) return false;
    if (rule.scheme !== "http") {
      return url.scheme === rule.scheme && url.port >= rule.firstPort &&
        url.port <= rule.lastPort &&
        (url.host === "" || url.host === rule.host);
    }
    return url.scheme === "http" && matches(rule.pattern, url.host);
  });
}

function matches(pattern: HostPattern, host: string): boolean {
  switch (pattern.kind) {
    case "any":
      return true;
    case "exact":
      return pattern.host === host;
    case "below":
      return host.endsWith(pattern.suffix) && host.length > pattern.suffix.length;
    case "capture":
      return false;
  }
}
