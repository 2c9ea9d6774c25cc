/** Makes the files that a browser loads of the sources in `console/`. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { routeFlags } from "./route.ts";

/** The module that holds the files for the program. */
export const CONSOLE_FILES = "lib/admin/web_console_files.ts";

/** A file as it is served. */
export interface BuiltFile {
  /** Path below the admin address; "" is the page itself. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Uint8Array;
}

const STYLES = ["tokens", "base", "layout", "parts"];

/** Bundles the scripts and puts the styles together. @throws {Error} the sources are wrong. */
export async function buildConsole(): Promise<BuiltFile[]> {
  const encoder = new TextEncoder();
  const require = createRequire(import.meta.url);
  const read = (path: string) => Deno.readTextFile(path);
  const styles = [
    await read(require.resolve("uplot/dist/uPlot.min.css")),
    ...await Promise.all(STYLES.map((name) => read(`console/style/${name}.css`))),
  ];
  const font = require.resolve("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
  return [
    {
      name: "",
      type: "text/html; charset=utf-8",
      bytes: await Deno.readFile("console/index.html"),
    },
    {
      name: "page.js",
      type: "text/javascript; charset=utf-8",
      bytes: await bundle("console/main.tsx"),
    },
    {
      name: "page.css",
      type: "text/css; charset=utf-8",
      bytes: encoder.encode(styles.map(squeeze).join("\n")),
    },
    { name: "icon.svg", type: "image/svg+xml", bytes: await Deno.readFile("console/icon.svg") },
    { name: "font.woff2", type: "font/woff2", bytes: await Deno.readFile(font) },
  ];
}

/** The text of {@link CONSOLE_FILES}. */
export function renderModule(files: readonly BuiltFile[]): string {
  const entries = files.map(({ name, type, bytes }) => {
    const isPacked = !type.startsWith("font/");
    const body = isPacked ? gzipSync(bytes, { level: 9 }) : bytes;
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    return `  {
    name: ${JSON.stringify(name)},
    type: ${JSON.stringify(type)},
    hash: "${hash}",
    isPacked: ${isPacked},
    body: "${Buffer.from(body).toString("base64")}",
  },`;
  });
  return `/** Made of console/ by \`npm run console\`: do not edit. */

/** A file of the console: \`body\` is base64, gzip within where it is packed. */
export interface ConsoleFile {
  readonly name: string;
  readonly type: string;
  readonly hash: string;
  readonly isPacked: boolean;
  readonly body: string;
}

export const CONSOLE_FILES: readonly ConsoleFile[] = [
${entries.join("\n")}
];
`;
}

async function bundle(entry: string): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-console-" });
  try {
    const path = `${folder}/console.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        ...routeFlags(),
        "--platform=browser",
        "--minify",
        `--output=${path}`,
        entry,
      ],
      stdout: "null",
    }).output();
    if (!success) throw new Error(`Cannot bundle ${entry}:\n${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Takes out of a style sheet what only people read. */
function squeeze(css: string): string {
  return css.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s+/gm, "").replace(/\n+/g, "\n").trim();
}
