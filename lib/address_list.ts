/** Networks that clients come from: lists of those that are trusted, or let in. */
import type { Address } from "./address.ts";
import { networkContains, parseIp, parseNetwork } from "./ip_network.ts";
import type { IpNetwork } from "./ip_network.ts";

/** Addresses that are remembered with their verdict. */
const MAX_REMEMBERED = 1024;

/** A list of networks, and perhaps whoever comes by a unix socket. */
export class AddressList {
  readonly #networks: readonly IpNetwork[];
  readonly #hasUnix: boolean;
  readonly #verdicts = new Map<string, boolean>();

  /**
   * @param texts networks or addresses (`10.0.0.0/8`, `::1`), or `unix` for clients of unix sockets.
   * @throws {RangeError} saying what is wrong with one, fit to be shown behind the setting's name.
   */
  constructor(texts: readonly string[]) {
    this.#hasUnix = texts.includes("unix");
    this.#networks = texts.filter((text) => text !== "unix").map(parseNetwork);
  }

  has(client: Address): boolean {
    return client.kind === "unix" ? this.#hasUnix : this.hasIp(client.host);
  }

  /** True for an IP address on the list; false for what is no IP address. */
  hasIp(ip: string): boolean {
    let verdict = this.#verdicts.get(ip);
    if (verdict !== undefined) return verdict;
    const address = parseIp(ip);
    verdict = address !== undefined &&
      this.#networks.some((network) => networkContains(network, address));
    if (this.#verdicts.size >= MAX_REMEMBERED) this.#verdicts.clear();
    this.#verdicts.set(ip, verdict);
    return verdict;
  }
}
