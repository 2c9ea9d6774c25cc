/** Proxies in front of ours: those whose word about their clients counts. */
import type { Address } from "../address.ts";
import { networkContains, parseIp, parseNetwork } from "../ip_network.ts";
import type { IpNetwork } from "../ip_network.ts";

/** Addresses that are remembered with their verdict. */
const MAX_REMEMBERED = 1024;

/** A set of networks, and perhaps whoever comes by a unix socket. */
export class TrustedProxies {
  readonly #networks: readonly IpNetwork[];
  readonly #isUnixTrusted: boolean;
  readonly #verdicts = new Map<string, boolean>();

  /**
   * @param texts networks or addresses (`10.0.0.0/8`, `::1`), or `unix` for clients of unix sockets.
   * @throws {RangeError} saying what is wrong with one, fit to be shown behind the setting's name.
   */
  constructor(texts: readonly string[]) {
    this.#isUnixTrusted = texts.includes("unix");
    this.#networks = texts.filter((text) => text !== "unix").map(parseNetwork);
  }

  /** True if what this client says of others is believed. */
  trusts(client: Address): boolean {
    return client.kind === "unix" ? this.#isUnixTrusted : this.trustsIp(client.host);
  }

  trustsIp(ip: string): boolean {
    let verdict = this.#verdicts.get(ip);
    if (verdict !== undefined) return verdict;
    const address = parseIp(ip);
    verdict = address !== undefined &&
      this.#networks.some((network) => networkContains(network, address));
    if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts.clear();
    this.#verdicts.set(ip, verdict);
    return verdict;
  }

  /**
   * The first address that is not a trusted proxy's, from our end of the way on; the farthest one
   * where all of them are. Whoever stands before it could have written anything.
   *
   * @param nearest the trusted proxy that is connected.
   * @param forwardedFor value of X-Forwarded-For as that proxy sent it.
   * @returns an IP address, or "" where the list has something else in its place.
   */
  clientOf(nearest: string, forwardedFor: string): string {
    let client = nearest;
    let end = forwardedFor.length;
    while (end > 0) {
      const comma = forwardedFor.lastIndexOf(",", end - 1);
      const member = forwardedFor.slice(comma + 1, end).trim();
      end = comma;
      if (member === "") continue;
      client = ipOf(member);
      if (client === "" || !this.trustsIp(client)) break;
    }
    return client;
  }
}

/** The address in `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1` or `[2001:db8::1]:5678`. */
function ipOf(text: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return parseIp(bare) === undefined ? "" : bare;
}
