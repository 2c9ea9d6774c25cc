/** Settings of frp (frpc's, frps's) as settings of ours, and what of them they cannot say. */
import { frpAgent } from "./import_frp_agent.ts";
import { FrpFields } from "./frp_fields.ts";
import { frpServer } from "./import_frp_server.ts";
import type { ImportedSettings } from "./import_mosn.ts";

/** Keys that only frps has; a file with none of them is frpc's. */
const SERVER_KEYS = ["bindPort", "vhostHTTPPort", "vhostHTTPSPort", "allowPorts", "subDomainHost"];

/** Reads one file of frp, as parsed. Which of the two it is for is seen from its keys. */
export function importFrp(root: Readonly<Record<string, unknown>>): ImportedSettings {
  const fields = new FrpFields(root);
  const isServer = SERVER_KEYS.some((key) => Object.hasOwn(root, key));
  const settings = isServer ? { server: frpServer(fields) } : { agent: frpAgent(fields) };
  return { settings, notes: fields.finish() };
}
