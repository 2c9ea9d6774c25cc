import assert from "node:assert/strict";
import { barChart } from "../../bench/svg.ts";

const CHART = {
  title: "Bulk <both>",
  unit: "MB/s",
  groups: [{
    label: "down & up",
    bars: [
      { label: "revtun", value: 200 },
      { label: "direct", value: 400 },
      { label: "none", value: NaN },
    ],
  }],
};

Deno.test("barChart() draws bars in proportion, and none for what is not known", () => {
  const widths = [...barChart(CHART).matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, w]) =>
    Number(w)
  );
  assert.equal(widths.length, 3);
  assert.equal(widths[0]! * 2, widths[1]);
  assert.equal(widths[2], 0);
});

Deno.test("barChart() escapes what it is given", () => {
  const chart = barChart(CHART);
  assert.ok(chart.includes("Bulk &lt;both&gt;, MB/s") && chart.includes("down &amp; up"));
  assert.equal(chart.match(/<text /g)!.length, chart.match(/<\/text>/g)!.length);
});
