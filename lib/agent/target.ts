/** `--target [name=][scheme://]address`: what an agent forwards to. */
import { NAME_PATTERN } from "../name.ts";
import { formatAddress, parseAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { parseHealthCheck } from "./health_check.ts";
import type { HealthCheck } from "./health_check.ts";
import { checkTlsClient, parsePin } from "../transport/tls_client_files.ts";
import type { TlsClientSettings } from "../transport/tls_client_files.ts";

/** How a target is spoken to. */
export const TARGET_PROTOCOL = {
  /** Bytes as they come, HTTP/1 included. */
  tcp: "tcp",
  /** As tcp, inside TLS. */
  tls: "tls",
  /** HTTP/2 by prior knowledge; the server is told, so that it sends HTTP/2. */
  h2c: "h2c",
  /** Datagrams. */
  udp: "udp",
} as const;

export type TargetProtocol = typeof TARGET_PROTOCOL[keyof typeof TARGET_PROTOCOL];

/** A service that an agent makes reachable. */
export interface Target {
  /** "" for the default target. */
  readonly name: string;
  readonly protocol: TargetProtocol;
  readonly address: Address;
  /** Version of the PROXY protocol header that its connections start with; none if undefined. */
  readonly proxyProtocol?: "v1" | "v2";
  /** How its certificate is checked, where it is spoken to inside TLS. */
  readonly tls?: TlsClientSettings;
  /** How its health is looked at; it is taken to be well if undefined. */
  readonly health?: HealthCheck;
  /** Host that HTTP requests to it name; the client's own if undefined. */
  readonly hostHeader?: string;
}

const PROTOCOL_OF_SCHEME: Readonly<Record<string, TargetProtocol>> = {
  tcp: "tcp",
  http: "tcp",
  tls: "tls",
  https: "tls",
  h2c: "h2c",
  udp: "udp",
};

/**
 * Reads a target: `127.0.0.1:8000`, `ssh=127.0.0.1:22`, `docker=unix:/run/docker.sock`,
 * `grpc=h2c://127.0.0.1:50051`, `dns=udp://127.0.0.1:53`, `web=tcp://10.0.0.2:80?proxy_protocol=v2`,
 * `web=tls://10.0.0.2:443?server_name=web.test&ca=/etc/ca.pem`. Without a host it is on this machine.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseTarget(text: string): Target {
  const [, name = "", place = ""] = /^(?:([^=:/?]*)=)?(.*)$/s.exec(text) ?? [];
  if (text.startsWith("=") || (name !== "" && !NAME_PATTERN.test(name))) {
    throw new RangeError(`"${name}" is not a target name, use letters, digits, ".", "_" and "-"`);
  }
  const [, scheme, rest = place] = /^([a-z][a-z0-9+]*):\/\/(.*)$/s.exec(place) ?? [];
  const question = rest.indexOf("?");
  const query = question === -1 ? "" : rest.slice(question + 1);
  const bare = question === -1 ? rest : rest.slice(0, question);
  const placed = placeOf(scheme, bare, text);
  return { name, ...placed, ...settingsOf(query, placed.protocol, text) };
}

/** Reads targets into a map by name. @throws {RangeError} also for a name given twice. */
export function parseTargets(texts: readonly string[]): ReadonlyMap<string, Target> {
  const targets = new Map<string, Target>();
  for (const text of texts) {
    const target = parseTarget(text);
    if (targets.has(target.name)) {
      throw new RangeError(
        target.name === ""
          ? `"${text}" is a second default target, give it a name: name=${text}`
          : `"${text}" is a second target named ${target.name}`,
      );
    }
    targets.set(target.name, target);
  }
  return targets;
}

/** Writes a target's place as {@link parseTarget} reads it, without its name. */
export function formatTarget(target: Target): string {
  const place = formatAddress(target.address);
  return target.protocol === "tcp" ? place : `${target.protocol}://${place}`;
}

function placeOf(
  scheme: string | undefined,
  bare: string,
  text: string,
): { protocol: TargetProtocol; address: Address } {
  if (scheme === "unix") return { protocol: "tcp", address: parseAddress(`unix:${bare}`) };
  if (scheme !== undefined && !Object.hasOwn(PROTOCOL_OF_SCHEME, scheme)) {
    throw new RangeError(`"${text}" has an unknown scheme, expected tcp, unix, tls, h2c or udp`);
  }
  const protocol = PROTOCOL_OF_SCHEME[scheme ?? "tcp"] ?? "tcp";
  // A pasted URL ends in a slash; a path behind it would be silently ignored.
  const place = bare.startsWith("unix:") ? bare : bare.replace(/\/$/, "");
  const port = scheme === "http" ? 80 : scheme === "https" ? 443 : undefined;
  const address = parseAddress(place, { host: "127.0.0.1", ...(port !== undefined && { port }) });
  if (address.kind === "tcp" && address.port === 0) {
    throw new RangeError(`"${text}" has port 0, which cannot be dialled`);
  }
  if (protocol === "udp" && address.kind === "unix") {
    throw new RangeError(`"${text}" is no place for datagrams, expected udp://host:port`);
  }
  return { protocol, address };
}

/** What stands behind `?`. */
function settingsOf(
  query: string,
  protocol: TargetProtocol,
  text: string,
): Pick<Target, "proxyProtocol" | "tls" | "health" | "hostHeader"> {
  let proxyProtocol: "v1" | "v2" | undefined;
  let ca: string | undefined;
  let serverName: string | undefined;
  let isInsecure = false;
  let health: string | undefined;
  let healthInterval: string | undefined;
  let hostHeader: string | undefined;
  const pins: string[] = [];
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === "proxy_protocol" && (value === "v1" || value === "v2")) proxyProtocol = value;
    else if (key === "health") health = value;
    else if (key === "health_interval") healthInterval = value;
    else if (key === "host" && /^[\w.:[\]-]{1,255}$/.test(value)) hostHeader = value;
    else if (protocol === "tls" && key === "ca") ca = value;
    else if (protocol === "tls" && key === "server_name") serverName = value;
    else if (protocol === "tls" && key === "pin") pins.push(parsePin(value));
    else if (protocol === "tls" && key === "insecure" && value === "true") isInsecure = true;
    else {
      const known = "proxy_protocol=v2, host=NAME, health=tcp, health=/PATH, health_interval=TIME" +
        (protocol === "tls" ? ", ca=FILE, server_name=NAME, pin=sha256:HEX or insecure=true" : "");
      throw new RangeError(`"${text}" has an unknown or bad setting ${key}, expected ${known}`);
    }
  }
  if (proxyProtocol !== undefined && protocol === "udp") {
    throw new RangeError(`"${text}": a target of datagrams gets no PROXY header`);
  }
  if (proxyProtocol !== undefined && protocol === "h2c") {
    throw new RangeError(
      `"${text}": a connection of HTTP/2 serves many clients, none of which a PROXY header names`,
    );
  }
  if (proxyProtocol !== undefined && protocol === "tls") {
    throw new RangeError(`"${text}": a target inside TLS gets no PROXY header`);
  }
  const tls = { ca, serverName, pins, isInsecure };
  checkTlsClient(tls);
  const check = parseHealthCheck(health, healthInterval);
  if (protocol === "h2c" && check?.path !== undefined) {
    throw new RangeError(`"${text}": a target of HTTP/2 is looked after by health=tcp only`);
  }
  return {
    ...(check !== undefined && { health: check }),
    ...(hostHeader !== undefined && { hostHeader }),
    ...(proxyProtocol !== undefined && { proxyProtocol }),
    ...(protocol === "tls" && { tls }),
  };
}
