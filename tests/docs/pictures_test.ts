/** The pictures of the docs are those that docs/images/draw.ts draws, and sound to be read. */
import assert from "node:assert/strict";
import { PICTURES } from "../../docs/images/draw.ts";
import { readPages, ROOT } from "./pages.ts";

Deno.test("the pictures of the docs are the ones that are drawn", async () => {
  for (const [name, svg] of Object.entries(PICTURES)) {
    const path = new URL(`docs/images/${name}`, ROOT);
    assert.equal(await Deno.readTextFile(path), svg, `${name}: see docs/images/draw.ts`);
  }
});

Deno.test("every drawn picture is on a page, with words for those who do not see it", async () => {
  const pages = await readPages();
  const images = pages.flatMap(({ text }) => [...text.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)]);
  assert.deepEqual(images.filter(([, words]) => words!.length < 20).map(([all]) => all), []);
  const shown = images.map(([, , target]) => target!.split("/").at(-1));
  assert.deepEqual(Object.keys(PICTURES).filter((name) => !shown.includes(name)), []);
});

Deno.test("the book's table of contents has every page", async () => {
  const pages = await readPages();
  const contents = pages.find(({ path }) => path === "docs/README.md")!.text;
  const linked = [...contents.matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => `docs/${target}`);
  const missing = pages.map(({ path }) => path).filter((path) =>
    /^docs\/[^/]+\.md$/.test(path) && path !== "docs/README.md" && !linked.includes(path)
  );
  assert.deepEqual(missing, []);
});
