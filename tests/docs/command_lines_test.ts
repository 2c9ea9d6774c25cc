/** Each command line of the README and of docs/ is one that revtun takes. */
import assert from "node:assert/strict";
import { COMMANDS } from "../../cmd/mod.ts";
import { parseOptions } from "../../cmd/parse_options.ts";
import { resolveOptions } from "../../cmd/resolve_options.ts";
import { findCommand } from "../../cmd/run.ts";
import { commandLinesOf, readPages } from "./pages.ts";
import type { CommandLine } from "./pages.ts";

const pages = await readPages();

Deno.test("every command line of the docs has a command, flags and values that exist", async () => {
  const lines = pages.flatMap(commandLinesOf);
  assert.ok(lines.length > 40, `${lines.length} command lines`);
  const wrong: string[] = [];
  for (const line of lines) {
    const problem = await problemOf(line);
    if (problem !== undefined) wrong.push(`${line.path}: ${line.argv.join(" ")}: ${problem}`);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("command lines that cannot be are found", async () => {
  const text = "`revtun servr`\n```sh\nA=b revtun agent --servr cloud:9000  # why\n" +
    "echo x | revtun drain a/b c\nrevtun agent \\\n  --weight 'many' > file\n```\n`revtun top`\n";
  const lines = commandLinesOf({ path: "page", text });
  assert.deepEqual(
    await Promise.all(lines.map(problemOf)),
    [
      "--servr: unknown flag, did you mean --server?",
      "2 arguments, expected 1 to 1",
      '--weight: "many" is not a number',
      "servr: unknown command, did you mean server?",
      undefined,
    ],
  );
});

Deno.test("the README's table has every command", () => {
  const readme = pages.find(({ path }) => path === "README.md")!.text;
  const rows = readme.split("\n").filter((line) => line.startsWith("| `revtun "));
  const named = rows.flatMap((row) => {
    const cell = row.split("|")[1]!;
    return [...cell.matchAll(/`(?:revtun )?([a-z-]+)`/g)].map(([, name]) => name!);
  });
  assert.deepEqual(
    Object.keys(COMMANDS).filter((name) => !named.includes(name)),
    [],
  );
});

/** What is wrong with a command line; undefined if nothing is. Values with … are left to readers. */
async function problemOf({ argv }: CommandLine): Promise<string | undefined> {
  const [name, ...args] = argv.filter((word) => word !== "…");
  // `revtun` itself, `revtun --help`, and what stands for any command.
  if (name === undefined || name.startsWith("-") || name === "COMMAND") return undefined;
  try {
    const command = await findCommand(name);
    const { args: given, layer } = parseOptions(args, command.options);
    if (!args.some((word) => word.includes("…"))) resolveOptions(command.options, [layer]);
    const { min = 0, max = 0 } = command.args ?? {};
    // A line that only names a command, in the middle of a sentence, has no arguments.
    if (args.length > 0 && (given.length < min || given.length > max) && !args.includes("--help")) {
      return `${given.length} arguments, expected ${min} to ${max}`;
    }
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}
