import assert from "node:assert/strict";
import { isAllowed, parseAllowRule } from "../../lib/agent/allow.ts";

Deno.test("isAllowed() allows what a rule lists and nothing else", () => {
  const rules = [parseAllowRule("10.0.0.0/8:1-1024"), parseAllowRule("192.168.1.7:22,8080")];
  assert.ok(isAllowed(rules, "10.1.2.3", 1));
  assert.ok(isAllowed(rules, "10.1.2.3", 1024));
  assert.ok(isAllowed(rules, "::ffff:10.1.2.3", 80));
  assert.ok(isAllowed(rules, "192.168.1.7", 8080));
  assert.ok(!isAllowed(rules, "10.1.2.3", 1025));
  assert.ok(!isAllowed(rules, "10.1.2.3", 0));
  assert.ok(!isAllowed(rules, "192.168.1.7", 23));
  assert.ok(!isAllowed(rules, "192.168.1.8", 22));
  assert.ok(!isAllowed(rules, "127.0.0.1", 22));
  assert.ok(!isAllowed(rules, "::a01:203", 22));
  assert.ok(!isAllowed(rules, "localhost", 22));
  assert.ok(!isAllowed([], "10.1.2.3", 22));
});

Deno.test("parseAllowRule() reads IPv6 networks with and without brackets", () => {
  for (const text of ["[fd00::/8]:443", "[fd00::]/8:443", "fd00::/8:443"]) {
    assert.ok(isAllowed([parseAllowRule(text)], "fd12::1", 443), text);
    assert.ok(!isAllowed([parseAllowRule(text)], "fe80::1", 443), text);
  }
});

Deno.test("parseAllowRule() takes * for all ports but 0", () => {
  const rules = [parseAllowRule("0.0.0.0/0:*")];
  assert.ok(isAllowed(rules, "1.2.3.4", 65535));
  assert.ok(!isAllowed(rules, "1.2.3.4", 0));
  assert.ok(!isAllowed(rules, "::1", 80));
});

Deno.test("parseAllowRule() refuses what is no rule", () => {
  const texts = [
    "",
    "10.0.0.0/8",
    "10.0.0.0/8:",
    "10.0.0.0/8:0",
    "10.0.0.0/8:70000",
    "10.0.0.0/8:9-3",
    "10.0.0.0/8:a",
    "10.0.0.1/8:22",
    "edge:22",
    ":22",
    "*:22",
    "[fd00::/8:22",
  ];
  for (const text of texts) assert.throws(() => parseAllowRule(text), RangeError, text);
});
