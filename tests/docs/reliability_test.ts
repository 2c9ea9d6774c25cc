/** docs/reliability.md promises tests: each of them must be where it says. */
import assert from "node:assert/strict";
import { ROOT } from "./pages.ts";

Deno.test("each test that docs/reliability.md names is there", async () => {
  const text = await Deno.readTextFile(new URL("docs/reliability.md", ROOT));
  const rows = text.split("\n").filter((line) =>
    line.startsWith("| ") && !/^\| (promise |-+ )/.test(line)
  );
  assert.ok(rows.length > 25, `${rows.length} promises`);
  const missing: string[] = [];
  for (const row of rows) {
    const [, file, name] = /`(tests\/[^`]+_test\.ts)`: `([^`]+)` +\|$/.exec(row) ?? [];
    if (file === undefined) missing.push(`no test in: ${row}`);
    else if (!(await sourceOf(file)).includes(`"${name}"`)) missing.push(`${file}: ${name}`);
  }
  assert.deepEqual(missing, []);
});

async function sourceOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(new URL(path, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
