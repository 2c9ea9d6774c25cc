/** The settings files of examples/migrating, which docs/migrating.md starts, in tests/e2e. */
import assert from "node:assert/strict";

Deno.test("docs/migrating.md starts or converts every file of examples/migrating", async () => {
  const page = await Deno.readTextFile("docs/migrating.md");
  const lines = page.split("\n").filter((line) => line.startsWith("revtun "));
  const files = [...Deno.readDirSync("examples/migrating")].map(({ name }) => name).sort();
  assert.ok(files.length >= 10, `${files.length} files`);
  const unused = files.filter((name) =>
    !lines.some((line) =>
      line.includes(`--config ${name}`) ||
      line.includes(`config import-`) && line.includes(` ${name} `)
    )
  );
  assert.deepEqual(unused, []);
});
