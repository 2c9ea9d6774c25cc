// deno-lint-ignore-file explicit-module-boundary-types -- the types stand in JSDoc
/** Installs what package-lock.json pins, unless it is there already. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findDeno } from "./deno_binary.mjs";

const root = new URL("..", import.meta.url);
/** Holds the hash of the files that said what to install. */
const stamp = new URL("node_modules/.revtun-installed", root);

/** @throws {Error} npm could not install */
export function installMissing() {
  const wanted = createHash("sha256")
    .update(readFileSync(new URL("package.json", root)))
    .update(readFileSync(new URL("package-lock.json", root)))
    .digest("hex");
  if (readStamp() === wanted && isDenoThere()) return;
  process.stderr.write("Installing what package-lock.json pins (once) ...\n");
  const npm = process.env.npm_execpath;
  // --no-save: a clone stays as it was cloned.
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  const [file, all] = npm === undefined ? ["npm", args] : [process.execPath, [npm, ...args]];
  const result = spawnSync(file, all, {
    cwd: fileURLToPath(root),
    stdio: ["ignore", process.stderr, process.stderr],
    shell: npm === undefined && process.platform === "win32",
  });
  if (result.status !== 0) {
    throw new Error("npm install failed; what it said stands above");
  }
  mkdirSync(new URL("node_modules", root), { recursive: true });
  writeFileSync(stamp, wanted);
}

function readStamp() {
  try {
    return readFileSync(stamp, "utf8");
  } catch {
    return undefined;
  }
}

function isDenoThere() {
  try {
    return findDeno() !== "";
  } catch {
    return false;
  }
}
