/** How a tunnel is started, as bench/peers.yaml says it. */
import { parse } from "@std/yaml";

/** How a peer's programs are built: a crate by cargo, or packages of a Go module. */
export type Install =
  | { readonly crate: string; readonly args: readonly string[] }
  | {
    readonly module: string;
    readonly packages: readonly string[];
    readonly args: readonly string[];
  };

/** A tunnel to be measured. */
export interface PeerSpec {
  readonly name: string;
  /** Whether it passes bytes, or requests by their `Host`. */
  readonly routing: "tcp" | "http";
  /** Commands with names in braces, which {@link fillIn} replaces. */
  readonly server: string;
  readonly agent: string;
  readonly files: Readonly<Record<string, string>>;
  readonly prepare: readonly string[];
  readonly version?: string;
  readonly install?: Install;
  /** Sections that it takes no part in, for time's sake; "quick" for every hasty run. */
  readonly skip?: readonly string[];
  /** The only port that its server takes agents on. */
  readonly controlPort?: number;
  /** `Host` that it routes. */
  readonly host?: string;
}

/** What stands for the names in braces. */
export type Values = Readonly<Record<string, string | number>>;

const KEYS = new Set([
  ...["name", "routing", "server", "agent", "files", "prepare", "version", "install"],
  ...["control_port", "host", "skip"],
]);

/**
 * Reads the text of a peers.yaml.
 *
 * @throws {Error} it is not YAML, or an entry lacks something or has too much; one line.
 */
export function parsePeers(text: string, path: string): PeerSpec[] {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
  const entries = asRecord(document, path).peers;
  if (!Array.isArray(entries)) throw new Error(`${path}: peers is not a list`);
  const specs = entries.map((entry, index) => parsePeer(entry, `${path}: peers[${index}]`));
  const twice = specs.find((one, index) => specs.findIndex((o) => o.name === one.name) < index);
  if (twice !== undefined) throw new Error(`${path}: two peers are called "${twice.name}"`);
  return specs;
}

/**
 * Replaces the names in braces.
 *
 * @throws {Error} there is no value of a name.
 */
export function fillIn(template: string, values: Values): string {
  return template.replace(/\{([A-Z_]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`No {${name}} here, there are ${Object.keys(values).join(", ")}`);
    }
    return String(value);
  });
}

function parsePeer(value: unknown, path: string): PeerSpec {
  const entry = asRecord(value, path);
  for (const key of Object.keys(entry)) {
    if (!KEYS.has(key)) throw new Error(`${path}.${key} is not known`);
  }
  const routing = entry.routing ?? "tcp";
  if (routing !== "tcp" && routing !== "http") {
    throw new Error(`${path}.routing is ${JSON.stringify(routing)}, expected tcp or http`);
  }
  const port = entry.control_port;
  if (port !== undefined && !Number.isInteger(port)) {
    throw new Error(`${path}.control_port is no whole number`);
  }
  return {
    name: text("name"),
    routing,
    server: text("server"),
    agent: text("agent"),
    files: Object.fromEntries(
      Object.entries(asRecord(entry.files ?? {}, `${path}.files`)).map(([k, v]) => [k, String(v)]),
    ),
    prepare: texts(entry.prepare),
    ...(entry.version === undefined ? {} : { version: text("version") }),
    ...(entry.host === undefined ? {} : { host: text("host") }),
    ...(entry.skip === undefined ? {} : { skip: texts(entry.skip) }),
    ...(port === undefined ? {} : { controlPort: port as number }),
    ...(entry.install === undefined
      ? {}
      : { install: parseInstall(entry.install, `${path}.install`) }),
  };

  function text(key: string): string {
    const value = entry[key];
    if (typeof value === "string" && value !== "") return value;
    throw new Error(`${path}.${key} is missing or no text`);
  }
}

function parseInstall(value: unknown, path: string): Install {
  const { crate, module, packages, args } = asRecord(value, path);
  if ((crate === undefined) === (module === undefined)) {
    throw new Error(`${path} names neither a crate nor a module, or both`);
  }
  return crate !== undefined
    ? { crate: String(crate), args: texts(args) }
    : { module: String(module), packages: texts(packages), args: texts(args) };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function asRecord(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error(`${path} is not a mapping`);
}
