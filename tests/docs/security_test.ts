/** docs/security.md promises tests: each of them must be there. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

Deno.test("each test that docs/security.md names is there", async () => {
  const text = await Deno.readTextFile(new URL("docs/security.md", ROOT));
  const threats = text.slice(text.indexOf("## Threats"), text.indexOf("## What is left"));
  const rows = threats.split("\n").filter((line) => /^\|.*\|$/.test(line));
  const names = rows.flatMap((row) => {
    const last = row.split("|").at(-2)!.trim();
    return /^(test|-+)$/.test(last) ? [] : [/^`(.+)`$/.exec(last)?.[1] ?? `(no test in: ${row})`];
  });
  assert.ok(names.length > 35, `${names.length} rows`);
  const tests = await sourcesBelow("tests/");
  const missing = names.filter((name) =>
    !tests.includes(`"${name}"`) && !tests.includes(`\`${name}`)
  );
  assert.deepEqual(missing, []);
});

async function sourcesBelow(folder: string): Promise<string> {
  const texts: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) texts.push(await sourcesBelow(`${path}/`));
    else if (path.endsWith(".ts")) texts.push(await Deno.readTextFile(new URL(path, ROOT)));
  }
  return texts.join("\n");
}
