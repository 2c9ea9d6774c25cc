/** Proxies in front of ours: those whose word about their clients counts. */
import { AddressList } from "../address_list.ts";
import { parseIp } from "../ip_network.ts";

/** A list of proxies. */
export class TrustedProxies extends AddressList {
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
      if (client === "" || !this.hasIp(client)) break;
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
