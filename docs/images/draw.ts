/**
 * Draws the pictures of the docs: `deno run -W docs/images/draw.ts`, or by npm
 * `npx deno run -W docs/images/draw.ts`. A test compares the files with what this draws.
 */
import { CONCEPTS } from "./concepts.ts";
import { QUICK_STARTS } from "./quick_starts.ts";

/** Every picture by its file's name. */
export const PICTURES: Readonly<Record<string, string>> = { ...QUICK_STARTS, ...CONCEPTS };

if (import.meta.main) {
  for (const [name, svg] of Object.entries(PICTURES)) {
    Deno.writeTextFileSync(new URL(name, import.meta.url), svg);
  }
}
