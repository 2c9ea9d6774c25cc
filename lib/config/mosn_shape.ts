/** The `tunnel_agent` extend of a MOSN configuration, read as an `agent` section as it stands. */
import type { ConfigDocument, Path } from "./document.ts";
import type { Mapping } from "./check.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the extend is called: now, in hand-written files, and in MOSN's earlier versions. */
const EXTEND_TYPES: readonly string[] = [
  "tunnel_agent",
  "tunnel-agent",
  "tunnelagent",
  "tunnel_agent_bootstrap_config",
  "agent_bootstrap_config",
];

/** Where the extend's fields stand in `root`; undefined if there is none. */
export function findTunnelAgent(root: unknown): Path | undefined {
  if (!isObject(root)) return undefined;
  if (isExtend(root)) return ["config"];
  const { extends: extended } = root;
  if (Array.isArray(extended)) {
    const index = extended.findIndex(isExtend);
    return index === -1 ? undefined : ["extends", index, "config"];
  }
  if (!isObject(extended)) return undefined;
  const name = EXTEND_TYPES.find((type) => isObject(extended[type]));
  return name === undefined ? undefined : ["extends", name];
}

/** True for a whole MOSN configuration, of which the extend is a part. */
export function isMosnConfig(root: unknown): boolean {
  return isObject(root) && !isServerList(root) &&
    (Array.isArray(root["servers"]) || isObject(root["cluster_manager"]));
}

/** True for what an agent reads by `--discover file:PATH`: names under `servers`, or alone. */
export function isServerList(root: unknown): boolean {
  const list = isObject(root) ? root["servers"] : root;
  const isName = (each: unknown) =>
    typeof each === "string" && (each.includes(":") || isObject(root));
  return Array.isArray(list) && list.length > 0 && list.every(isName);
}

/**
 * Makes an `agent` section of a document that is a MOSN extend; undefined for any other document.
 *
 * As in Go, 0, "" and null stand for a field that is not set.
 */
export function mosnMapping(document: ConfigDocument): Mapping | undefined {
  const place = findTunnelAgent(document.value);
  if (place === undefined) return undefined;
  const fields = place.reduce<unknown>((value, step) => (value as Fields)[step], document.value);
  return {
    value: { agent: withoutZeros(fields as Fields) },
    pathOf: ([section, ...rest]) => section === "agent" ? [...place, ...rest] : place,
  };
}

/** The fields of an extend that are set. */
export function withoutZeros(fields: Fields): Fields {
  const isSet = ([key, value]: [string, unknown]): boolean =>
    // MOSN has this structure in any case; without a name it means nothing.
    (!isObject(value) || value["dynamic_server_lister"] !== "") &&
    // A weight of 0 is one: no new work.
    (value !== 0 || key === "weight") && value !== "" && value !== null;
  return Object.fromEntries(Object.entries(fields).filter(isSet));
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isExtend(value: unknown): boolean {
  return isObject(value) && EXTEND_TYPES.includes(String(value["type"])) &&
    isObject(value["config"]);
}
