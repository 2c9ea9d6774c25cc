/** The rules of ARCHITECTURE.md that a machine can check: who imports whom, who touches what. */
import assert from "node:assert/strict";
import { dirname, posix } from "node:path";

const ROOT = new URL("../", import.meta.url);

interface SourceFile {
  /** From the root of the repo, with `/`. */
  path: string;
  text: string;
  /** What it imports for its values, not only for types: paths of the repo, or bare names. */
  imports: string[];
  typeImports: string[];
}

/** The repo's layers: a file may import from those that its own names. First match counts. */
const LAYERS: readonly { name: string; paths: RegExp; mayUse: readonly string[] }[] = [
  { name: "main", paths: /^main\.ts$/, mayUse: ["cmd"] },
  {
    name: "cmd",
    paths: /^cmd\//,
    mayUse: [
      ...["cmd", "admin", "agent", "server", "http", "mux", "codec", "transport", "services"],
      ...["decode", "leaf"],
    ],
  },
  {
    name: "admin",
    paths: /^lib\/admin\//,
    mayUse: ["admin", "agent", "server", "http", "codec", "transport", "services", "leaf"],
  },
  { name: "codec", paths: /^lib\/codec\//, mayUse: ["codec", "leaf"] },
  { name: "decode", paths: /^lib\/decode\//, mayUse: ["decode", "codec", "leaf"] },
  { name: "mux", paths: /^lib\/mux\//, mayUse: ["mux", "codec", "leaf"] },
  { name: "transport", paths: /^lib\/transport\//, mayUse: ["transport", "leaf"] },
  {
    name: "http",
    paths: /^lib\/http\//,
    mayUse: ["http", "codec", "leaf"],
  },
  {
    name: "agent",
    paths: /^lib\/agent\//,
    mayUse: ["agent", "http", "mux", "codec", "transport", "services", "leaf"],
  },
  {
    name: "server",
    paths: /^lib\/server\//,
    mayUse: ["server", "http", "mux", "codec", "transport", "services", "leaf"],
  },
  {
    name: "services",
    paths: /^lib\/(auth|config|probe)\//,
    mayUse: ["services", "http", "mux", "codec", "transport", "leaf"],
  },
  { name: "leaf", paths: /^lib\/[^/]+\.ts$/, mayUse: ["leaf"] },
];

/** Files outside cmd/ that may speak to the runtime. */
const RUNTIME_USERS = /^(main\.ts|cmd\/|lib\/(transport|admin|log|config|auth)\b)/;

const sources = await readSources();

Deno.test("the sources were found", () => {
  assert.ok(sources.length > 20);
  assert.ok(sources.some((source) => source.imports.length > 3));
});

Deno.test("imports follow the arrows between the layers", () => {
  const wrong = sources.flatMap((source) => {
    const from = layerOf(source.path);
    return [...source.imports, ...source.typeImports].filter((to) => isOwnPath(to))
      .filter((to) => !from.mayUse.includes(layerOf(to).name))
      .map((to) => `${source.path} (${from.name}) imports ${to} (${layerOf(to).name})`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("no file imports itself by way of others", () => {
  const graph = new Map(sources.map((source) => [source.path, source.imports.filter(isOwnPath)]));
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] => {
    if (way.includes(path)) return [[...way.slice(way.indexOf(path)), path].join(" -> ")];
    if (done.has(path)) return [];
    const found = (graph.get(path) ?? []).flatMap((next) => visit(next, [...way, path]));
    done.add(path);
    return found;
  };
  assert.deepEqual([...graph.keys()].flatMap((path) => visit(path, [])), []);
});

Deno.test("only the edges of the program touch the runtime", () => {
  const wrong = sources.filter(({ path, text }) =>
    !RUNTIME_USERS.test(path) && /(?<!["'])\bDeno\./.test(withoutComments(text))
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("only the transport opens sockets", () => {
  const opening = /\bDeno\.(connect|connectTls|startTls|listen|listenTls|listenDatagram|serve)\b/;
  const modules = ["node:net", "node:tls", "node:dgram", "node:http", "node:https", "node:http2"];
  const wrong = sources.filter(({ path, text, imports }) =>
    !path.startsWith("lib/transport/") && !path.startsWith("lib/admin/") &&
    // Stands for a program of the user's.
    path !== "cmd/demo_backend.ts" &&
    (opening.test(withoutComments(text)) ||
      // HTTP/2 over a stream that is handed to it opens none.
      imports.some((name) =>
        modules.includes(name) && !(name === "node:http2" && path.startsWith("lib/http/h2/"))
      ))
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("only main.ts ends the process, and nothing prints to the console", () => {
  const wrong = sources.filter(({ path, text }) => {
    const code = withoutComments(text);
    return (path !== "main.ts" && /\b(Deno|process)\.exit\b/.test(code)) ||
      /\bconsole\./.test(code);
  });
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("each of the @std packages is imported by the one file in front of it", () => {
  const users = (name: string) =>
    sources.filter((source) => [...source.imports, ...source.typeImports].includes(name))
      .map((source) => source.path);
  assert.deepEqual(users("@std/log"), ["lib/log.ts"]);
  assert.deepEqual(users("@std/cli"), ["cmd/parse_options.ts"]);
  assert.deepEqual(users("@std/yaml"), ["cmd/print_imported.ts"]);
});

Deno.test("both routes know every package that is imported", async () => {
  const names = new Set(
    sources.flatMap((source) => [...source.imports, ...source.typeImports])
      .filter((name) => !isOwnPath(name) && !name.startsWith("node:")),
  );
  const byDeno = Object.keys((await readJson("deno.json")).imports);
  const byNpm = Object.keys((await readJson("npm/import_map.json")).imports);
  const isKnown = (name: string, known: string[]) =>
    known.some((entry) =>
      name === entry || name.startsWith(entry.endsWith("/") ? entry : `${entry}/`)
    );
  for (const name of names) {
    assert.ok(isKnown(name, byDeno), `deno.json does not map ${name}`);
    assert.ok(isKnown(name, byNpm), `npm/import_map.json does not map ${name}`);
  }
});

Deno.test("the lock pins deno for every platform that it has a binary for", async () => {
  const { packages } = await readJson("package-lock.json");
  const wanted = packages["node_modules/deno"].optionalDependencies;
  assert.ok(Object.keys(wanted).length >= 6);
  for (const [name, version] of Object.entries(wanted)) {
    assert.equal(packages[`node_modules/${name}`]?.version, version, name);
  }
  for (const [name, entry] of Object.entries<{ resolved?: string }>(packages)) {
    assert.equal(entry.resolved, undefined, `${name} names a registry`);
  }
});

function layerOf(path: string): (typeof LAYERS)[number] {
  const layer = LAYERS.find((candidate) => candidate.paths.test(path));
  assert.ok(layer, `${path} is in no layer: add its folder to the list in this test`);
  return layer;
}

function isOwnPath(name: string): boolean {
  return /^(main\.ts|cmd\/|lib\/)/.test(name);
}

async function readSources(): Promise<SourceFile[]> {
  const paths = ["main.ts", ...await filesBelow("cmd"), ...await filesBelow("lib")].sort();
  return await Promise.all(paths.map(async (path) => {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    const imports: string[] = [];
    const typeImports: string[] = [];
    const code = withoutComments(text);
    const statements =
      /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+\sfrom\s+)?["']([^"']+)["']/g;
    for (const [, type, name = ""] of code.matchAll(statements)) {
      (type === undefined ? imports : typeImports).push(resolve(path, name));
    }
    // Lazy ones are arrows too, but no cycles: they run when all is loaded.
    for (const [, name = ""] of code.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g)) {
      typeImports.push(resolve(path, name));
    }
    return { path, text, imports, typeImports };
  }));
}

async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await filesBelow(path));
    else if (path.endsWith(".ts")) found.push(path);
  }
  return found;
}

function resolve(from: string, name: string): string {
  return name.startsWith(".") ? posix.join(dirname(from), name) : name;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, "");
}

// deno-lint-ignore no-explicit-any -- JSON of files in this repo
async function readJson(path: string): Promise<any> {
  return JSON.parse(await Deno.readTextFile(new URL(path, ROOT)));
}
