/** `dynamic_server_list_config`: where an agent learns of servers while it runs. */
import * as v from "valibot";
import { isLoopback, parseAddress } from "../../address.ts";
import { durationValue } from "../../config/schema.ts";
import type { TimerWheel } from "../../timer.ts";
import { parseServerAddress } from "../server_address.ts";
import { DnsLister } from "./dns_lister.ts";
import { FileLister } from "./file_lister.ts";
import { HttpLister } from "./http_lister.ts";
import type { ServerLister } from "./server_lister.ts";

const TIMES = {
  interval: v.optional(durationValue({
    min: 1000,
    description:
      "Time between two looks; of dns, where the records' TTL does not say (default 30s)",
  })),
  timeout: v.optional(durationValue({
    min: 1,
    description: "Longest wait for one look (default 10s)",
  })),
  "remove_after": v.optional(durationValue({
    description: "How long a server is missing before its connections are closed (default 10s)",
  })),
};

const text = (description: string) =>
  v.pipe(v.string(), v.minLength(1), v.description(description));

/** The schema of the setting; one entry for each lister. */
export const LISTER_SCHEMA = v.variant("dynamic_server_lister", [
  v.strictObject({
    "dynamic_server_lister": v.literal("static"),
    servers: v.pipe(
      v.array(v.pipe(v.string(), v.rawCheck(isServer))),
      v.description("host:port of each; as good as server_list"),
    ),
  }),
  v.strictObject({
    "dynamic_server_lister": v.literal("dns"),
    name: text("Complete name to ask for"),
    type: v.optional(v.pipe(
      v.picklist(["address", "srv"]),
      v.description("A and AAAA records, or SRV (default srv for names that begin with _)"),
    )),
    port: v.optional(v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1, "is out of range, expected 1 to 65535"),
      v.maxValue(65535, "is out of range, expected 1 to 65535"),
      v.description("Port of the servers, where the records do not say (default 9000)"),
    )),
    "name_server": v.optional(text("ip or ip:port to ask (default those of the system)")),
    ...TIMES,
  }),
  v.strictObject({
    "dynamic_server_lister": v.literal("file"),
    path: text("File with a list of host:port, YAML or JSON; looked at each second"),
    ...TIMES,
  }),
  v.pipe(
    v.strictObject({
      "dynamic_server_lister": v.literal("http"),
      url: v.pipe(v.string(), v.rawCheck(isHttpUrl), v.description("https://… or http://…")),
      "token_file": v.optional(text("File whose content is sent as a bearer token")),
      "tls_ca": v.optional(text("PEM file of CAs to trust besides the public ones")),
      ...TIMES,
    }),
    v.check(
      ({ url, token_file: token }) => token === undefined || isPrivate(new URL(url)),
      "would send its token in the clear, use https://",
    ),
  ),
]);

/** Keys inside whose values are paths of files. */
export const LISTER_FILE_KEYS: readonly string[] = ["path", "token_file", "tls_ca"];

/** A lister with its settings, durations in ms. */
export type ServerListerConfig = v.InferOutput<typeof LISTER_SCHEMA>;

const DEFAULT_PORT = 9000;

/** Makes the lister that `config` describes. */
export function makeLister(config: ServerListerConfig, timers: TimerWheel): ServerLister {
  switch (config.dynamic_server_lister) {
    case "static": {
      const servers = config.servers.map((server) => parseServerAddress(server));
      return { name: "static", list: () => Promise.resolve({ servers }) };
    }
    case "dns": {
      const { name, port = DEFAULT_PORT, name_server: nameServer } = config;
      const type = config.type ?? (name.startsWith("_") ? "srv" : "address");
      return new DnsLister({ name, type, port, nameServer });
    }
    case "file":
      return new FileLister(config.path, timers);
    case "http": {
      const { url, token_file: tokenFile, tls_ca: ca } = config;
      return new HttpLister({ url, tokenFile, ca });
    }
  }
}

/** How often it is asked, and how patiently. */
export function listerTimes(
  config: ServerListerConfig,
): { intervalMs: number; timeoutMs: number; removeAfterMs: number } {
  const { interval, timeout, remove_after: removeAfter } = config as {
    interval?: number;
    timeout?: number;
    remove_after?: number;
  };
  return {
    intervalMs: interval ?? 30_000,
    timeoutMs: timeout ?? 10_000,
    removeAfterMs: removeAfter ?? 10_000,
  };
}

/**
 * Reads a lister from one text: `dns:NAME[:PORT]`, `srv:NAME`, `file:PATH`, `http://…`, `https://…`.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseLister(text: string): ServerListerConfig {
  const [, scheme = "", place = ""] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  if (place.replaceAll("/", "") !== "") {
    switch (scheme) {
      case "dns": {
        const address = parseAddress(place.replace(/^\/\//, ""), { port: DEFAULT_PORT });
        if (address.kind === "unix") break;
        const { host: name, port } = address;
        return { dynamic_server_lister: "dns", type: "address", name, port };
      }
      case "srv":
        return { dynamic_server_lister: "dns", type: "srv", name: place.replace(/^\/\//, "") };
      case "file":
        return { dynamic_server_lister: "file", path: place.replace(/^\/\/(?=\/)/, "") };
      case "http":
      case "https":
        if (URL.canParse(text)) return { dynamic_server_lister: "http", url: text };
    }
  }
  throw new RangeError(
    `"${text}" is no list of servers, expected dns:NAME[:PORT], srv:NAME, file:PATH or https://…`,
  );
}

function isServer({ dataset, addIssue }: Check<string>): void {
  if (!dataset.typed) return;
  try {
    parseServerAddress(dataset.value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    addIssue({ message: error.message });
  }
}

function isHttpUrl({ dataset, addIssue }: Check<string>): void {
  if (!dataset.typed || (/^https?:\/\//.test(dataset.value) && URL.canParse(dataset.value))) return;
  addIssue({ message: `"${dataset.value}" is no URL, expected https://… or http://…` });
}

/** What is sent there cannot be read on the way. */
function isPrivate(url: URL): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return url.protocol === "https:" || isLoopback({ kind: "tcp", host, port: 0 });
}

interface Check<T> {
  dataset: { typed: boolean; value: unknown } & ({ typed: true; value: T } | { typed: false });
  addIssue(issue: { message: string }): void;
}
