/** The runner of pages finds lines that do not do what they say. */
import assert from "node:assert/strict";
import { runPage } from "../docs/run/run_page.ts";
import type { PageSpec } from "../docs/run/run_page.ts";
import { whyNoWorld } from "../docs/run/world.ts";

const why = await whyNoWorld();
const PATH = Deno.env.get("PATH") ?? "";

const CASES: readonly [name: string, line: string, spec: PageSpec, error: RegExp | undefined][] = [
  ["a line that does what it says", "hostname", { prints: [[/host/, /^cloud$/m]] }, undefined],
  ["one for the edge", "hostname", { atEdge: [/./], prints: [[/./, /^till-7$/m]] }, undefined],
  ["a line that fails", "false", {}, /line 1: false/],
  ["one that should fail and does", "exit 3", { fails: [[/exit/, 3]] }, undefined],
  ["one that should fail and does not", "true", { fails: [[/true/, 1]] }, /line 1: true/],
  ["a line that prints something else", "hostname", { prints: [[/host/, /moon/]] }, /printed/],
  ["an expectation of no line", "true", { prints: [[/curl/, /moon/]] }, /curl/],
  ["something given that fails", "true", { given: "false" }, /what is given/],
  ["a service that ends", "cat --follow", {}, /ended before it was ready/],
];

for (const [name, text, spec, error] of CASES) {
  Deno.test({
    name: `a page with ${name}: ${error === undefined ? "passes" : "fails"}` +
      (why === undefined ? "" : ` (${why})`),
    ignore: why !== undefined,
    fn: async () => {
      const page = runPage([{ number: 1, text }], {
        ...spec,
        // A service is ready when it has printed what it should.
        ...(text.includes("--follow") && { prints: [[/follow/, /ready/]] }),
      }, PATH);
      await (error === undefined ? page : assert.rejects(page, error));
    },
  });
}
