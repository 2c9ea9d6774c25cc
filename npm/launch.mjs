#!/usr/bin/env node
/** `revtun` as npm installs it: gives way to deno as fast as it can. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findDeno } from "./deno_binary.mjs";
import { RUN_FLAGS } from "./run_flags.mjs";

const root = new URL("..", import.meta.url);
const FORWARDED_SIGNALS = process.platform === "win32"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

try {
  replaceProcess(findDeno(), [...denoArgs(), ...process.argv.slice(2)]);
} catch (error) {
  process.stderr.write(`revtun: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** In a checkout the sources, in an installed package the bundle that was packed. */
function denoArgs() {
  const source = fileURLToPath(new URL("main.ts", root));
  if (existsSync(source)) {
    const map = fileURLToPath(new URL("npm/import_map.json", root));
    const route = ["--no-lock", "--node-modules-dir=manual", `--import-map=${map}`];
    return ["run", "--quiet", ...route, ...RUN_FLAGS, source];
  }
  const bundle = fileURLToPath(new URL("dist/revtun.js", root));
  return ["run", "--quiet", "--no-config", "--no-lock", ...RUN_FLAGS, bundle];
}

/** How many files may be open, which deno does not let a program with bounded rights see; "" where unknown. */
function openFiles() {
  try {
    return /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}

/**
 * A container's user often has no home, without which deno does not start; it need not be there, and
 * is in no folder that others can write to, since code is read from it.
 */
function cacheOfNobody() {
  const { HOME, XDG_CACHE_HOME } = process.env;
  if (HOME || XDG_CACHE_HOME || process.platform === "win32") return {};
  return { DENO_DIR: fileURLToPath(new URL(".cache/deno", root)) };
}

/**
 * Becomes `file` where Node can (22.15 and later, not Windows); else runs it with everything passed
 * on both ways: arguments, files, signals, exit code.
 *
 * @param {string} file
 * @param {string[]} args
 */
function replaceProcess(file, args) {
  const env = {
    REVTUN_OPEN_FILES: openFiles(),
    ...cacheOfNobody(),
    ...process.env,
    DENO_NO_UPDATE_CHECK: "1",
  };
  const { execve } = /** @type {any} */ (process);
  if (execve !== undefined && process.platform !== "win32") {
    execve.call(process, file, [file, ...args], env);
    return;
  }
  /** @type {{ child?: import("node:child_process").ChildProcess }} */
  const running = {};
  // Before the child is there: a signal that came between would end us and leave it behind.
  for (const name of FORWARDED_SIGNALS) {
    // A terminal's Ctrl-C reaches the child by itself; twice would mean "at once" to it.
    const isFromTerminal = name === "SIGINT" && process.stdin.isTTY;
    process.on(
      name,
      () => isFromTerminal || running.child?.kill(/** @type {NodeJS.Signals} */ (name)),
    );
  }
  const child = running.child = spawn(file, args, { stdio: "inherit", env });
  child.on("error", (error) => {
    process.stderr.write(`revtun: Cannot start ${file}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
