/** Options of `revtun server` for its HTTP frontends, and their settings. */
import { parseRouteRule } from "../lib/http/route_rule.ts";
import { RouteTable } from "../lib/http/route_table.ts";
import { TrustedProxies } from "../lib/http/trusted_proxies.ts";
import { parseExposeRule } from "../lib/server/expose_rule.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { readSetting } from "./read_setting.ts";
import { ROUTES_SCHEMA } from "./route_schema.ts";
import type { OptionSpec, OptionValues } from "./option.ts";

/** Options of HTTP frontends. */
export const HTTP_OPTIONS = [
  {
    name: "route",
    parse: parseRouteRule,
    kind: "list",
    placeholder: "HOST/PATH=CLUSTER[/TARGET]",
    description: "Where requests of http:// frontends without a cluster go; the first that matches",
    group: "HTTP",
  },
  {
    name: "routes",
    kind: "value",
    schema: ROUTES_SCHEMA,
    description: "Routes behind those of `route`: texts of the same form, or groups of keys",
    group: "HTTP",
  },
  {
    name: "trusted-proxy",
    key: "trusted_proxies",
    parse: (text: string) => new TrustedProxies([text]),
    kind: "list",
    placeholder: "CIDR",
    description: 'Proxies in front whose X-Forwarded-For is believed, or "unix"',
    group: "HTTP",
  },
  {
    name: "max-body",
    kind: "size",
    placeholder: "SIZE",
    default: "0",
    description: "Largest body of an HTTP request; 0 for any",
    group: "HTTP",
  },
  {
    name: "allow-expose",
    parse: parseExposeRule,
    kind: "list",
    placeholder: "[IDENTITY@]URL",
    description:
      "Frontends that agents may ask for: tcp://:2000-2999, udp://:53, http://*.example.com; " +
      "none unless listed",
    group: "Agents",
  },
  {
    name: "forwarded",
    kind: "string",
    placeholder: "STYLE",
    default: "x-forwarded",
    choices: ["x-forwarded", "forwarded", "both", "none"],
    description: "How targets are told of clients: X-Forwarded-*, RFC 7239's Forwarded",
    group: "HTTP",
  },
  {
    name: "probe-timings",
    kind: "boolean",
    description: "Tell who asks by x-revtun-trace how long each hop took, in Server-Timing",
    group: "HTTP",
  },
] as const satisfies readonly OptionSpec[];

type HttpConfig = Pick<
  ServerConfig,
  "routes" | "trustedProxies" | "forwarded" | "allowExpose" | "maxBodyBytes" | "tellsTimings"
>;

/** Settings of HTTP frontends. @throws {ConfigError} naming the setting as its user wrote it. */
export function httpConfigOf(
  values: OptionValues<typeof HTTP_OPTIONS>,
  sourceOf: (option: string) => string,
): HttpConfig {
  const routes = readSetting(
    sourceOf("route"),
    () => new RouteTable([...values.route.map(parseRouteRule), ...values.routes ?? []]).rules,
  );
  const trustedProxies = values["trusted-proxy"];
  readSetting(sourceOf("trusted-proxy"), () => new TrustedProxies(trustedProxies));
  const allowExpose = values["allow-expose"].map(parseExposeRule);
  return {
    routes,
    trustedProxies,
    forwarded: values.forwarded,
    allowExpose,
    maxBodyBytes: values["max-body"],
    tellsTimings: values["probe-timings"] === true,
  };
}
