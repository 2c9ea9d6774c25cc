/** `npm start`, `npm test` and the rest: installs what is missing, then hands over to deno. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findDeno } from "./deno_binary.mjs";
import { installMissing } from "./install.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Sends deno to npm's packages only: the same names, another map (README, "Without JSR"). */
const ROUTE = ["--no-lock", "--node-modules-dir=manual", "--import-map=npm/import_map.json"];

const SOAK = "tests/soak/main.ts";

/** @type {Record<string, (args: string[]) => string[]>} */
const TASKS = {
  start: (args) => ["run", "-A", "--quiet", ...ROUTE, "main.ts", "demo", ...args],
  test: (args) => ["run", "-A", "--quiet", ...ROUTE, "npm/test.ts", ...args],
  bench: (args) => ["run", "-A", "--quiet", ...ROUTE, "bench/main.ts", ...args],
  soak: (args) => ["run", "-A", "--quiet", "--v8-flags=--expose-gc", ...ROUTE, SOAK, ...args],
  compile: (args) => ["run", "-A", "--quiet", ...ROUTE, "npm/compile.ts", ...args],
  bundle: (args) => ["run", "-A", "--quiet", ...ROUTE, "npm/compile.ts", "--bundle-only", ...args],
  console: (
    args,
  ) => ["run", "-A", "--quiet", "--unstable-net", ...ROUTE, "npm/console.ts", ...args],
  check: (args) => ["check", ...ROUTE, ...(args.length > 0 ? args : ["."])],
  fmt: (args) => ["fmt", ...args],
  lint: (args) => ["lint", ...args],
};

const [name = "", ...args] = process.argv.slice(2);
const task = TASKS[name];
if (task === undefined) {
  process.stderr.write(`Unknown task "${name}", expected ${Object.keys(TASKS).join(", ")}\n`);
  process.exit(2);
}
try {
  installMissing();
  run(findDeno(), task(args));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/**
 * @param {string} deno
 * @param {string[]} denoArgs
 */
function run(deno, denoArgs) {
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  /** @type {{ child?: import("node:child_process").ChildProcess }} */
  const running = {};
  // npm passes signals on to us, a terminal sends Ctrl-C to both.
  process.on("SIGINT", () => process.stdin.isTTY || running.child?.kill("SIGINT"));
  process.on("SIGTERM", () => running.child?.kill("SIGTERM"));
  const child = running.child = spawn(deno, denoArgs, { cwd: root, stdio: "inherit", env });
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
