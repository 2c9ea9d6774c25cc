/** Broken settings files: each says what is wrong, where, and what was meant. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";

const FOLDER = "testdata/config/invalid";
const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => !name.endsWith(".txt")).sort();

Deno.test("there is a broken settings file for each rule", () => {
  assert.ok(files.length > 50);
});

for (const name of files) {
  Deno.test(`revtun config check says what is wrong with ${name}`, async () => {
    const expected = await Deno.readTextFile(`${FOLDER}/${name}.txt`);
    const { code, stdout, stderr } = await runCli(["config", "check", `${FOLDER}/${name}`]);
    assert.equal(stdout.replaceAll(`${FOLDER}/`, ""), expected);
    assert.deepEqual([code, stderr], [2, ""]);
    assert.doesNotMatch(stdout, /s3cret/);
  });
}
