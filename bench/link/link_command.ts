/** How the long link is started. */
import type { LinkSettings } from "./link_pacer.ts";

/** The command of a link from `listen` to `target`, both `host:port`. */
export function linkCommand(listen: string, target: string, link: LinkSettings): string {
  return `${Deno.execPath()} run -A -q --no-config bench/link/link_proxy.ts ` +
    `${listen} ${target} ${link.bitsPerSecond} ${link.rttMs}`;
}
