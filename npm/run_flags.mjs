import { PERMISSION_FLAGS } from "./permissions.mjs";

/**
 * Young objects get 2 MB in place of 16: they live as long as one turn of the event loop, and what
 * fits into the processor's cache is cheaper to use and to sweep (docs/performance.md).
 */
const ENGINE_FLAGS = ["--v8-flags=--max-semi-space-size=2"];

/** Flags of every way to start the built program: what it may do, and how the engine is set up. */
export const RUN_FLAGS = [...PERMISSION_FLAGS, ...ENGINE_FLAGS];
