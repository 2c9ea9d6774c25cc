/** Questions to name servers, with what the system's own lookup keeps to itself: TTLs, SRV records. */
import { Resolver } from "node:dns/promises";

/** Whom to ask, and until when. */
export interface DnsQuery {
  /** `ip` or `ip:port`; the system's name servers if undefined. */
  readonly nameServer?: string | undefined;
  readonly signal: AbortSignal;
}

/** An address of a name. */
export interface AddressRecord {
  readonly ip: string;
  readonly ttlMs: number;
}

/** Where a service of a name is. */
export interface SrvRecord {
  readonly target: string;
  readonly port: number;
  readonly priority: number;
}

/** There is no such name, or it has no such records: not what a name server in trouble says. */
const NOTHING = ["ENOTFOUND", "ENODATA"];

/**
 * All IPv4 and IPv6 addresses of `name`.
 *
 * @throws {Error} there are none, or not all of them can be known now.
 */
export async function queryAddresses(name: string, query: DnsQuery): Promise<AddressRecord[]> {
  const options = { ttl: true } as const;
  const answers = await ask(query, (resolver) =>
    Promise.all([
      orNothing(resolver.resolve4(name, options)),
      orNothing(resolver.resolve6(name, options)),
    ]));
  const records = answers.flat();
  if (records.length === 0) throw new Error(`${name} has no address`);
  return records.map(({ address, ttl }) => ({ ip: address, ttlMs: ttl * 1000 }));
}

/** The SRV records of `name`, at least one. @throws {Error} */
export async function querySrv(name: string, query: DnsQuery): Promise<SrvRecord[]> {
  const records = await ask(query, (resolver) => orNothing(resolver.resolveSrv(name)));
  if (records.length === 0) throw new Error(`${name} has no SRV record`);
  return records.map(({ name, port, priority }) => ({
    target: name.replace(/\.$/, ""),
    port,
    priority,
  }));
}

async function ask<T>(
  { nameServer, signal }: DnsQuery,
  question: (resolver: Resolver) => Promise<T>,
): Promise<T> {
  const resolver = new Resolver();
  if (nameServer !== undefined) resolver.setServers([nameServer]);
  // Its late answer goes nowhere.
  const givenUp = Promise.withResolvers<never>();
  const giveUp = () => {
    resolver.cancel();
    givenUp.reject(signal.reason);
  };
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([question(resolver), givenUp.promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function orNothing<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOTHING.includes((error as { code?: string }).code ?? "")) return [];
    throw error;
  }
}
