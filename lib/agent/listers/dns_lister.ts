/** Servers by DNS: each address of a name, or each target of its SRV records. */
import type { Address } from "../../address.ts";
import { queryAddresses, querySrv } from "../../transport/dns.ts";
import type { ServerLister, ServerListing } from "./server_lister.ts";

/** Where to ask for what. */
export interface DnsListerOptions {
  /** Complete name: search domains are not tried. */
  readonly name: string;
  readonly type: "address" | "srv";
  /** Of the servers, where the records do not say. */
  readonly port: number;
  /** `ip` or `ip:port` to ask; those of the system if undefined. */
  readonly nameServer?: string | undefined;
}

/** A Kubernetes headless service is the first kind: an address for each of its pods. */
export class DnsLister implements ServerLister {
  readonly name: string;
  readonly #options: DnsListerOptions;

  constructor(options: DnsListerOptions) {
    this.#options = options;
    this.name = `${options.type === "srv" ? "srv" : "dns"} ${options.name}`;
  }

  async list(signal: AbortSignal): Promise<ServerListing> {
    const { name, type, port, nameServer } = this.#options;
    if (type === "srv") {
      const records = await querySrv(name, { nameServer, signal });
      // RFC 2782: the others are for when none of these can be reached.
      const best = Math.min(...records.map(({ priority }) => priority));
      const servers = records.filter(({ priority }) => priority === best)
        .map(({ target, port }): Address => ({ kind: "tcp", host: target, port }));
      return { servers };
    }
    const records = await queryAddresses(name, { nameServer, signal });
    return {
      servers: records.map(({ ip }): Address => ({ kind: "tcp", host: ip, port })),
      validMs: Math.min(...records.map(({ ttlMs }) => ttlMs)),
    };
  }
}
