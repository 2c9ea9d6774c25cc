/** The pages that people read, and the command lines in them. */

/** The root of the repo. */
export const ROOT = new URL("../../", import.meta.url);

/** A page: its path from the root, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A command line of a page, without the program's name. */
export interface CommandLine {
  readonly path: string;
  readonly argv: readonly string[];
}

/** Paths of README.md, ARCHITECTURE.md and every page of docs/ and below it. */
export async function pathsOfPages(): Promise<string[]> {
  return ["README.md", "ARCHITECTURE.md", ...await pagesBelow("docs/")].sort();
}

async function pagesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) paths.push(...await pagesBelow(`${folder}${name}/`));
    else if (name.endsWith(".md")) paths.push(`${folder}${name}`);
  }
  return paths;
}

/** All of them. */
export async function readPages(): Promise<Page[]> {
  return await Promise.all(
    (await pathsOfPages()).map(async (path) => ({
      path,
      text: await Deno.readTextFile(new URL(path, ROOT)),
    })),
  );
}

/** Every `revtun …` of a page: in its blocks of code, and between backticks in its text. */
export function commandLinesOf({ path, text }: Page): CommandLine[] {
  const scripts: string[] = [];
  const prose = text.replace(/^```(?:sh)?\n(.*?)^```$/gms, (_, script: string) => {
    scripts.push(...script.replaceAll("\\\n", " ").split("\n"));
    return "";
  });
  for (const [, inline] of prose.matchAll(/`([^`\n]+)`/g)) {
    // A bar within a table's cell is written with a backslash.
    scripts.push(inline!.replaceAll("\\|", "|"));
  }
  return scripts.flatMap(commandsOf).map((argv) => ({ path, argv }));
}

/** One token of a shell's line: quoted text, an operator, a comment, or a bare word. */
const TOKEN = /\s+#.*$|\s+|(?:\d?>>?|<|\|\|?|&&?|;)|(?:'[^']*'|"[^"]*"|[^\s'"|&;<>])+/gy;

/** The arguments of each `revtun` that a shell would start for this line. */
function commandsOf(line: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  const end = () => {
    const program = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
    if (/^(dist\/)?revtun$/.test(words[program] ?? "")) commands.push(words.slice(program + 1));
    words = [];
  };
  let isFile = false;
  for (const [token] of ` ${line}`.matchAll(TOKEN)) {
    if (/^\s/.test(token)) continue;
    if (/^[|&;]/.test(token)) end();
    else if (/^\d?[<>]/.test(token)) isFile = true;
    else if (isFile) isFile = false;
    else words.push(token.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));
  }
  end();
  return commands;
}
