import assert from "node:assert/strict";
import { countLines, countTests } from "../../npm/test_report.ts";

Deno.test("tests are counted as deno reports them, steps with their test", () => {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="3" errors="0" time="0.011">
    <testsuite name="./a_test.ts" tests="6" disabled="2" errors="0" failures="3">
        <testcase name="skipped &amp; said why (needs &quot;wrk&quot;)" classname="./a_test.ts" line="1">
            <skipped/>
        </testcase>
        <testcase name="fails" classname="./a_test.ts" time="0.002" line="2" col="6">
            <failure message="Uncaught Error: x &lt;skipped/&gt;">Error: x</failure>
        </testcase>
        <testcase name="steps" classname="./a_test.ts" time="0.002" line="3" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="steps &gt; one" classname="./a_test.ts" time="0.000" line="3" col="43">
        </testcase>
        <testcase name="steps &gt; two" classname="./a_test.ts" time="0.001" line="3" col="74">
            <failure message="Uncaught Error: two">Error: two</failure>
        </testcase>
        <testcase name="passes" classname="./a_test.ts" time="0.001" line="9" col="7"/>
    </testsuite>
</testsuites>`;
  assert.deepEqual(countTests(xml), {
    passed: 1,
    failed: 2,
    skipped: ['skipped & said why (needs "wrk")'],
  });
  assert.deepEqual(countTests(""), { passed: 0, failed: 0, skipped: [] });
});

Deno.test("lines are counted from lcov", () => {
  const lcov = "SF:/a.ts\nDA:1,1\nLH:3\nLF:4\nend_of_record\nSF:/b.ts\nLF:2\nLH:0\nend_of_record\n";
  assert.deepEqual([...countLines(lcov)], [
    ["/a.ts", { found: 4, hit: 3 }],
    ["/b.ts", { found: 2, hit: 0 }],
  ]);
});
