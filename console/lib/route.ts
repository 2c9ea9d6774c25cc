/** Which view is shown: what stands behind `#` in the address, so that it can be linked to. */
import { signal } from "@preact/signals";

/** "#/host/edge-a/till-7" is ["host", "edge-a", "till-7"]. */
export const route = signal<readonly string[]>(readRoute());

addEventListener("hashchange", () => route.value = readRoute());

/** The address of a view. */
export function linkTo(...segments: readonly string[]): string {
  // Half a surrogate pair cannot be encoded.
  return `#/${segments.map((text) => encodeURIComponent(text.toWellFormed())).join("/")}`;
}

function readRoute(): readonly string[] {
  return location.hash.replace(/^#\/?/, "").split("/").filter((part) => part !== "").map(decode);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
