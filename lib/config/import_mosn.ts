/** A whole MOSN configuration as settings of ours, and what of it they cannot say. */
import { findTunnelAgent, isObject, withoutZeros } from "./mosn_shape.ts";

/** What came of it. */
export interface ImportedSettings {
  /** Sections of a settings file. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What was left out, each with its place: "servers[0].listeners[1]: …". */
  readonly notes: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Top-level fields that concern a mesh, a log or nothing that a tunnel has. */
const EXPECTED = ["servers", "extends", "cluster_manager", "close_graceful"];

/** Reads a MOSN configuration, as parsed from JSON. */
export function importMosn(root: unknown): ImportedSettings {
  return new MosnImport(isObject(root) ? root : {}).run();
}

class MosnImport {
  readonly #root: Fields;
  readonly #notes: string[] = [];
  readonly #server = { listen: [] as string[], tunnel: [] as string[], clusters: [] as string[] };
  #agent: Record<string, unknown> | undefined;
  /** By name: where the listener's requests go. */
  readonly #places = new Map<string, string>();

  constructor(root: Fields) {
    this.#root = root;
  }

  run(): ImportedSettings {
    for (const key of Object.keys(this.#root)) {
      if (!EXPECTED.includes(key)) this.#note(key, "has no counterpart");
    }
    this.#readAgent();
    const hosting = this.#agent?.["hosting_listener"];
    for (const [s, server] of objects(this.#root["servers"])) {
      const routers = new Map(
        objects(server["routers"]).map((
          [index, router],
        ) => [
          String(router["router_config_name"]),
          [`servers[${s}].routers[${index}]`, router] as const,
        ]),
      );
      for (const [l, listener] of objects(server["listeners"])) {
        const place = `servers[${s}].listeners[${l}]`;
        this.#readListener(place, listener, routers, listener["name"] === hosting);
      }
    }
    if (this.#agent !== undefined) this.#aimAgent(String(hosting ?? ""));
    const isServer = this.#server.tunnel.length > 0;
    return {
      settings: {
        ...isServer && { server: this.#server },
        ...this.#agent !== undefined && { agent: this.#agent },
      },
      notes: this.#notes,
    };
  }

  #readAgent(): void {
    const place = findTunnelAgent(this.#root);
    const fields = place?.reduce<unknown>((value, step) => (value as Fields)[step], this.#root);
    if (isObject(fields)) this.#agent = { ...withoutZeros(fields) };
    for (const [index, extended] of objects(this.#root["extends"])) {
      if (place?.[1] === index) continue;
      this.#note(`extends[${index}]`, `${String(extended["type"])} has no counterpart`);
    }
  }

  #readListener(
    place: string,
    listener: Fields,
    routers: ReadonlyMap<string, readonly [string, Fields]>,
    isHosting: boolean,
  ): void {
    const address = String(listener["address"] ?? "");
    for (const [c, chain] of objects(listener["filter_chains"])) {
      const tls = chain["tls_context"];
      if (isObject(tls) && Object.keys(tls).length > 0 && tls["status"] !== false) {
        this.#note(`${place}.filter_chains[${c}].tls_context`, "give certificates by tls_cert");
      }
      for (const [f, filter] of objects(chain["filters"])) {
        const type = String(filter["type"]);
        if (type === "tunnel") {
          this.#server.tunnel.push(address);
        } else if (type === "proxy") {
          const config = isObject(filter["config"]) ? filter["config"] : {};
          const router = routers.get(String(config["router_config_name"]));
          const cluster = this.#clusterOf(`${place} (${address})`, router);
          if (cluster === undefined) continue;
          if (isHosting) this.#places.set(String(listener["name"]), cluster);
          else this.#addFrontend(place, address, cluster);
        } else {
          const where = `${place}.filter_chains[${c}].filters[${f}]`;
          this.#note(where, `filter ${type} has no counterpart`);
        }
      }
    }
  }

  /** Where a router sends everything. */
  #clusterOf(place: string, router: readonly [string, Fields] | undefined): string | undefined {
    if (router === undefined) {
      this.#note(place, "names no router that is there");
      return undefined;
    }
    let found: string | undefined;
    const [where, fields] = router;
    for (const [v, host] of objects(fields["virtual_hosts"])) {
      for (const [r, rule] of objects(host["routers"])) {
        const { match, route } = rule;
        const cluster = isObject(route) ? route["cluster_name"] : undefined;
        const isAll = isObject(match) && match["prefix"] === "/" && Object.keys(match).length === 1;
        if (isAll && typeof cluster === "string" && found === undefined) found = cluster;
        else this.#note(`${where}.virtual_hosts[${v}].routers[${r}]`, "write it as one of routes");
      }
    }
    return found;
  }

  #addFrontend(place: string, address: string, cluster: string): void {
    if (this.#hostsOf(cluster).length > 0) {
      this.#note(place, `goes to cluster ${cluster}, whose hosts are dialled, no agents`);
      return;
    }
    this.#server.listen.push(`http://${address}/${cluster}`);
    if (!this.#server.clusters.includes(cluster)) this.#server.clusters.push(cluster);
  }

  /** The agent's targets are the hosts that its hosting listener sends to. */
  #aimAgent(hosting: string): void {
    const cluster = this.#places.get(hosting);
    const [target, ...others] = cluster === undefined ? [] : this.#hostsOf(cluster);
    if (target === undefined) {
      this.#note("hosting_listener", `where ${hosting || "it"} sends is not known, add targets`);
      return;
    }
    this.#agent!["targets"] = [hosting === "" ? target : `${hosting}=${target}`];
    for (const other of others) {
      this.#note("cluster_manager", `${other} is one more host of ${cluster}: a target has one`);
    }
  }

  #hostsOf(name: string): string[] {
    const manager = this.#root["cluster_manager"];
    const clusters = objects(isObject(manager) ? manager["clusters"] : undefined);
    const found = clusters.find(([, cluster]) => (cluster["name"] ?? cluster["Name"]) === name);
    return objects(found?.[1]["hosts"]).map(([, host]) => String(host["address"]));
  }

  #note(place: string, what: string): void {
    this.#notes.push(`${place}: ${what}`);
  }
}

/** The objects of a list, with their indexes. */
function objects(value: unknown): [number, Fields][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, index) => isObject(item) ? [[index, item] as [number, Fields]] : []);
}
