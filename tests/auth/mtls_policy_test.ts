import assert from "node:assert/strict";
import type { Claim, Verdict } from "../../lib/auth/credential_policy.ts";
import { mtlsPolicy, parseSanPattern } from "../../lib/auth/mtls_policy.ts";

function verdict(patterns: string[], names: Partial<Names>, claim: Partial<Claim>): Verdict {
  const certificate = {
    names: { dns: [], uri: [], email: [], ip: [], ...names },
    fingerprint: "00",
    notAfterMs: 123,
  };
  return mtlsPolicy(patterns.map(parseSanPattern)).decide({
    clusterName: "edge-a",
    hostName: "till-7",
    credentialPolicy: "mtls",
    credential: "",
    agentId: "",
    remoteIp: "10.0.0.7",
    isProbe: false,
    certificate,
    ...claim,
  }) as Verdict;
}

type Names = Record<"dns" | "uri" | "email" | "ip", string[]>;

const SPIFFE = ["uri:spiffe://example.com/{cluster}/{host}"];
const DNS = ["dns:{host}.{cluster}.example.com"];

Deno.test("a certificate's name is the agent's cluster and host name, exactly", () => {
  const own = { uri: ["spiffe://example.com/edge-a/till-7"] };
  const cases: [string[], Partial<Names>, Partial<Claim>, string][] = [
    [SPIFFE, own, {}, "allowed"],
    [SPIFFE, { uri: ["https://x", ...own.uri] }, {}, "allowed"],
    [SPIFFE, own, { clusterName: "edge-b" }, "host"],
    [SPIFFE, own, { hostName: "till-8" }, "host"],
    [SPIFFE, own, { hostName: "" }, "host"],
    [SPIFFE, { uri: ["spiffe://example.com/edge-a"] }, {}, "wrong"],
    [SPIFFE, { uri: ["spiffe://example.comx/edge-a/till-7"] }, {}, "wrong"],
    [SPIFFE, { dns: own.uri }, {}, "wrong"],
    [SPIFFE, {}, {}, "wrong"],
    [SPIFFE, own, { certificate: undefined }, "missing"],
    [SPIFFE, own, { credential: "and a token" }, "wrong"],
    [DNS, { dns: ["till-7.edge-a.example.com"] }, {}, "allowed"],
    [DNS, { dns: ["*.edge-a.example.com"] }, {}, "wrong"],
    // The same name, cut at another dot: neither way may stand.
    [DNS, { dns: ["a.b.c.example.com"] }, { hostName: "a.b", clusterName: "c" }, "host"],
    [DNS, { dns: ["a.b.c.example.com"] }, { hostName: "a", clusterName: "b.c" }, "host"],
    [["uri:x/{cluster}"], { uri: ["x/edge-a"] }, { hostName: "any" }, "allowed"],
    [[...SPIFFE, ...DNS], { dns: ["till-7.edge-a.example.com"] }, {}, "allowed"],
  ];
  for (const [patterns, names, claim, expected] of cases) {
    const result = verdict(patterns, names, claim);
    const what = JSON.stringify([patterns, names, claim]);
    assert.equal(result.isAllowed ? "allowed" : result.failure, expected, what);
    if (result.isAllowed) assert.equal(result.permit.expiresMs, 123);
  }
});

Deno.test("parseSanPattern() refuses patterns that would let in more than they say", () => {
  for (
    const text of [
      ...["{cluster}", "ip:{cluster}", "dns:", "dns:{host}.example.com", "dns:{cluster}{host}"],
      ...["dns:{cluster}.{cluster}", "dns:{cluster}.{name}", "dns:{cluster.x"],
    ]
  ) assert.throws(() => parseSanPattern(text), RangeError, text);
});
