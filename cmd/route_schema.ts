/** Routes as the settings file has them: short texts as of `--route`, or groups of keys. */
import * as v from "valibot";
import { durationValue, parsed } from "../lib/config/schema.ts";
import type { HeaderChanges } from "../lib/http/header_edits.ts";
import { parseRouteRule } from "../lib/http/route_rule.ts";
import type { RouteRule } from "../lib/http/route_rule.ts";
import { RouteTable } from "../lib/http/route_table.ts";

const TEXT = v.pipe(v.string(), v.minLength(1, "is empty"));
const TEXTS = v.record(TEXT, v.string());

const CHANGES = v.strictObject({
  set: v.optional(v.pipe(TEXTS, v.description("Fields that get this value and no other"))),
  add: v.optional(v.pipe(TEXTS, v.description("Fields that get this value too"))),
  remove: v.optional(v.pipe(v.array(TEXT), v.description("Fields that do not pass"))),
});

const GROUP = v.strictObject({
  host: v.optional(v.pipe(TEXT, v.description("`a.test`, `*.a.test` or `{cluster}.a.test`"))),
  path: v.optional(v.pipe(TEXT, v.description("Beginning of the path, or all of it with a `$`"))),
  methods: v.optional(v.pipe(v.array(TEXT), v.description("In capitals"))),
  headers: v.optional(v.pipe(TEXTS, v.description('Exact values, "*" for any'))),
  to: v.pipe(
    v.strictObject({
      cluster: v.pipe(TEXT, v.description("A name, or `{cluster}`")),
      target: v.optional(v.pipe(TEXT, v.description("A name, or `{target}`"))),
      host: v.optional(v.pipe(TEXT, v.description("One host of the cluster, or `{host}`"))),
    }),
    v.description("Where it goes"),
  ),
  rewrite_prefix: v.optional(v.pipe(TEXT, v.description("Stands in the path for `path`"))),
  request_headers: v.optional(v.pipe(CHANGES, v.description("Changes to requests"))),
  response_headers: v.optional(v.pipe(CHANGES, v.description("Changes to answers"))),
  hash_by: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(client|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/, "is neither client nor header:NAME"),
      v.description("`client` or `header:NAME`: the same goes to the same host"),
    ),
  ),
  hold: v.optional(durationValue({ description: "How long a request waits for a host" })),
  timeout: v.optional(
    durationValue({ description: "From the whole request to the answer's first byte" }),
  ),
  idle_timeout: v.optional(durationValue({ description: "No byte either way; 0 for never" })),
  retries: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10), v.description("0 for none")),
  ),
});

/** A list of routes, which comes out as rules. */
export const ROUTES_SCHEMA = v.array(
  v.union([
    v.pipe(
      TEXT,
      parsed((text) => new RouteTable([parseRouteRule(text)])),
      v.transform(parseRouteRule),
    ),
    v.pipe(GROUP, v.transform(ruleOf), parsed((rule) => new RouteTable([rule]))),
  ]),
);

function ruleOf(group: v.InferOutput<typeof GROUP>): RouteRule {
  const { host, path, methods, headers, to, hash_by: hashBy, retries } = group;
  const rule = {
    host,
    path,
    methods,
    headers,
    cluster: to.cluster,
    target: to.target,
    hostName: to.host,
    rewritePrefix: group.rewrite_prefix,
    requestHeaders: group.request_headers as HeaderChanges | undefined,
    responseHeaders: group.response_headers as HeaderChanges | undefined,
    hashBy: hashBy === undefined || hashBy === "client"
      ? hashBy
      : { header: hashBy.slice("header:".length) },
    holdMs: group.hold,
    answerTimeoutMs: group.timeout,
    idleTimeoutMs: group.idle_timeout,
    retries,
  };
  // What the file leaves out is left out here, not undefined.
  return Object.fromEntries(
    Object.entries(rule).filter(([, value]) => value !== undefined),
  ) as unknown as RouteRule;
}
