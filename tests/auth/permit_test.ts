import assert from "node:assert/strict";
import {
  allowsName,
  openPermit,
  parseNameRules,
  parseTargetNames,
  permitsTarget,
} from "../../lib/auth/permit.ts";

Deno.test("allowsName() takes names exactly, by their beginning, or all", () => {
  const cases: [string[] | undefined, string, boolean][] = [
    [undefined, "edge-a", true],
    [[], "edge-a", false],
    [["edge-a"], "edge-a", true],
    [["edge-a"], "edge-ab", false],
    [["edge-a"], "EDGE-A", false],
    [["edge-a"], "", false],
    [["edge-*"], "edge-a", true],
    [["edge-*"], "edge-", true],
    [["edge-*"], "my-edge-a", false],
    [["edge-*"], "", false],
    [["x", "edge-*"], "edge-a", true],
    [["*"], "edge-a", true],
    [["*"], "", true],
  ];
  for (const [rules, name, isAllowed] of cases) {
    const what = `${rules} of "${name}"`;
    assert.equal(allowsName(rules && parseNameRules(rules), name), isAllowed, what);
  }
});

Deno.test("parseNameRules() refuses what is no name", () => {
  for (const name of ["", "a b", "a*b", "**", "*a", "a\n"]) {
    assert.throws(() => parseNameRules(["edge-a", name]), RangeError, name);
  }
});

Deno.test("permitsTarget() knows the default target by its name in files", () => {
  const permit = { ...openPermit("x"), targets: parseTargetNames(["default", "web"]) };
  assert.deepEqual(
    ["", "web", "ssh"].map((target) => permitsTarget(permit, target)),
    [true, true, false],
  );
  assert.ok(permitsTarget(openPermit("x"), "ssh"));
  assert.ok(!permitsTarget({ ...permit, targets: parseTargetNames(["web"]) }, ""));
});
