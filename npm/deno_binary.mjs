// deno-lint-ignore-file explicit-module-boundary-types -- the types stand in JSDoc
/** Where npm put deno's native binary; runs with Node's built-ins alone. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";

/** Platforms that the npm package `deno` has a binary for. */
const PACKAGES = {
  "linux-x64": "@deno/linux-x64-glibc",
  "linux-arm64": "@deno/linux-arm64-glibc",
  "darwin-x64": "@deno/darwin-x64",
  "darwin-arm64": "@deno/darwin-arm64",
  "win32-x64": "@deno/win32-x64",
  "win32-arm64": "@deno/win32-arm64",
};

/** What starts a glibc program: without it, "not found" is all that the system says. */
const LOADERS = {
  "linux-x64": "/lib64/ld-linux-x86-64.so.2",
  "linux-arm64": "/lib/ld-linux-aarch64.so.1",
};

/**
 * Finds deno: `REVTUN_DENO`, else the binary that npm installed for this platform.
 *
 * The package's own wrapper is no way: it starts a second Node in front of each run (0.3 s).
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} path of an executable
 * @throws {Error} saying what to do
 */
export function findDeno(env = process.env) {
  if (env.REVTUN_DENO) {
    if (existsSync(env.REVTUN_DENO)) return env.REVTUN_DENO;
    throw new Error(`REVTUN_DENO names ${env.REVTUN_DENO}, which is not there`);
  }
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[/** @type {keyof typeof PACKAGES} */ (platform)];
  if (name === undefined) {
    throw new Error(
      `The npm package of deno has no binary for ${platform}; ` +
        "set REVTUN_DENO to a deno 2.9.5 or later that runs here",
    );
  }
  const loader = LOADERS[/** @type {keyof typeof LOADERS} */ (platform)];
  if (loader !== undefined && !existsSync(loader)) {
    throw new Error(
      `The npm package of deno needs glibc and this system has no ${loader} (Alpine? NixOS?); ` +
        "use a glibc image such as debian-slim, or set REVTUN_DENO to a deno that runs here",
    );
  }
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    const path = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
    if (existsSync(path)) return path;
  } catch {
    // Not installed: said below.
  }
  throw new Error(
    `The package ${name} is not installed: run npm install without --omit=optional, ` +
      "or set REVTUN_DENO to a deno 2.9.5 or later",
  );
}
