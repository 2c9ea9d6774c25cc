import { PERMISSION_FLAGS } from "./permissions.mjs";

/**
 * Young objects get up to 8 MB in place of 16: as good as 16 under load, while an idle connection's
 * share of that room is smaller; with 2 MB, objects of one turn of the event loop outlive it where
 * hundreds of connections are busy, and are copied (docs/performance.md).
 */
const ENGINE_FLAGS = ["--v8-flags=--max-semi-space-size=8"];

/** Flags of every way to start the built program: what it may do, and how the engine is set up. */
export const RUN_FLAGS = [...PERMISSION_FLAGS, ...ENGINE_FLAGS];
