/** What the pages say of the repo is so: links, files, dependencies. */
import assert from "node:assert/strict";
import { readPages, ROOT } from "./pages.ts";

const pages = await readPages();

Deno.test("files that the docs link to are there", async () => {
  const missing: string[] = [];
  for (const { path, text } of pages) {
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const file = new URL(target!, new URL(path, ROOT));
      const isThere = await Deno.stat(file).then(() => true, () => false);
      if (!isThere) missing.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(missing, []);
});

Deno.test("files that ARCHITECTURE.md names are there", async () => {
  const { text } = pages.find(({ path }) => path === "ARCHITECTURE.md")!;
  const files = (await Promise.all(["", "cmd/", "lib/", "npm/", "tests/"].map(filesOf))).flat();
  const named = [...text.matchAll(/`([a-z0-9_/]+\.(?:ts|mjs))`/g)].map(([, path]) => path!);
  assert.ok(named.length > 30, `${named.length} files`);
  const missing = named.filter((path) => !files.some((file) => `/${file}`.endsWith(`/${path}`)));
  assert.deepEqual(missing, []);
});

Deno.test("ARCHITECTURE.md says of every dependency why it is there", async () => {
  const { text } = pages.find(({ path }) => path === "ARCHITECTURE.md")!;
  const manifest = JSON.parse(await Deno.readTextFile(new URL("package.json", ROOT)));
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const names = [
    ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }),
    ...Object.keys({ ...manifest.devDependencies, ...imports }),
  ].filter((name) => !name.startsWith("@types/"));
  const table = text.slice(text.indexOf("## Dependencies"));
  assert.deepEqual(names.filter((name) => !table.includes(`\`${name}\``)), []);
});

/** Files of a folder and, where it is not the root, below it. */
async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", ROOT))) {
    if (!isDirectory) files.push(`${folder}${name}`);
    else if (folder !== "") files.push(...await filesOf(`${folder}${name}/`));
  }
  return files;
}
