/**
 * docs/troubleshooting.md shows what probe and doctor print of broken set-ups: each is started here,
 * for real, and its output compared with its block on the page.
 *
 * To write the blocks anew: REVTUN_REWRITE_DOCS=1 npm test -- tests/troubleshooting
 */
import assert from "node:assert/strict";
import { BrokenSetup } from "./broken_setup.ts";
import { SETUPS } from "./setups.ts";

const PAGE = new URL("../../docs/troubleshooting.md", import.meta.url);
/** A block of the page behind the comment that names its set-up. */
const BLOCK = /(<!-- output of: ([a-z-]+) -->\n\n```\n)(.*?)(```\n)/gs;
const isRewriting = Deno.env.get("REVTUN_REWRITE_DOCS") === "1";

const page = await Deno.readTextFile(PAGE);
const blocks = new Map([...page.matchAll(BLOCK)].map(([, , name, text]) => [name!, text!]));
const made = new Map<string, string>();

Deno.test("docs/troubleshooting.md has each set-up once, and no others", () => {
  assert.deepEqual([...blocks.keys()].sort(), Object.keys(SETUPS).sort());
  assert.ok(blocks.size > 10);
});

for (const [name, run] of Object.entries(SETUPS)) {
  Deno.test(`docs/troubleshooting.md shows what is printed of the set-up ${name}`, async () => {
    await using setup = new BrokenSetup();
    const text = await run(setup);
    made.set(name, text);
    if (!isRewriting) {
      assert.equal(text, blocks.get(name), "see this test's file for how to mend it");
    }
  });
}

if (isRewriting) {
  Deno.test("docs/troubleshooting.md is written anew", async () => {
    const next = page.replaceAll(
      BLOCK,
      (whole, head, name, _, tail) => made.has(name) ? `${head}${made.get(name)}${tail}` : whole,
    );
    await Deno.writeTextFile(PAGE, next);
  });
}
