/** Command lines in the documentation, held against what the commands take. */
import assert from "node:assert/strict";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import { parseTarget } from "../../lib/agent/target.ts";
import { COMMANDS } from "../../cmd/mod.ts";

const PAGES = ["tls", "frontends"];

/** Lines of code blocks that start revtun, as words. */
function commandLines(markdown: string): string[][] {
  const blocks = [...markdown.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code);
  return blocks.flatMap((code) => code.replaceAll(/\\\n\s*/g, "").split("\n"))
    .filter((line) => line.startsWith("revtun "))
    .map((line) =>
      [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!)
    );
}

Deno.test.each(PAGES)("the command lines of docs/%s.md are true", async (page) => {
  const markdown = await Deno.readTextFile(new URL(`../../docs/${page}.md`, import.meta.url));
  const lines = commandLines(markdown);
  assert.ok(lines.length > 0);
  for (const [, name = "", ...args] of lines) {
    const load = Object.entries(COMMANDS).find(([command]) => command === name)?.[1];
    assert.ok(load, `there is no command ${name}`);
    const { command } = await load();
    for (const [index, arg] of args.entries()) {
      if (!arg.startsWith("--")) continue;
      const spec = command.options.find((option) => `--${option.name}` === arg);
      assert.ok(spec, `${name} has no ${arg}`);
      if (arg === "--listen") parseListenSpec(args[index + 1]!);
      if (arg === "--target") parseTarget(args[index + 1]!);
    }
  }
});
