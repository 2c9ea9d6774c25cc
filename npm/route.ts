/** Which of the two routes to the dependencies this process came by, for processes it starts. */
import { fileURLToPath } from "node:url";

/** Flags for `deno run|test|check|bundle …`, so that the child resolves names as we do. */
export function routeFlags(): string[] {
  const map = Deno.env.get("REVTUN_IMPORT_MAP") ?? npmMap();
  if (map === undefined) return [];
  return ["--no-lock", "--node-modules-dir=manual", `--import-map=${map}`];
}

/** The npm route's map, if it is in force: then `@std/cli` is a file of ours. */
function npmMap(): string | undefined {
  const adapter = new URL("./std_cli.ts", import.meta.url).href;
  if (import.meta.resolve("@std/cli") !== adapter) return undefined;
  return fileURLToPath(new URL("./import_map.json", import.meta.url));
}
