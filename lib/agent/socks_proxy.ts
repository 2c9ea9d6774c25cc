/** SOCKS 5's way through a proxy: RFC 1928. */
import type { Address } from "../address.ts";
import {
  ADDRESS_TYPE,
  PASSWORD_VERSION,
  SOCKS_METHOD,
  SOCKS_REPLY,
  VERSION,
} from "../codec/socks5.ts";
import {
  encodeSocksConnect,
  encodeSocksMethods,
  encodeSocksPassword,
} from "../codec/socks5_client.ts";
import type { DialError, DialFailure } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { DialProxy, ProxyConn } from "../transport/dial.ts";
import { describePeer } from "./probe/describe_peer.ts";
import { proxyError, writeAll } from "./proxy_conn.ts";

/** Replies that are no success: what they mean to a dial, and to a user. */
const FAILURES: Readonly<Record<number, readonly [DialFailure, string]>> = {
  [SOCKS_REPLY.notAllowed]: ["notAllowed", "it does not let anybody through to there"],
  [SOCKS_REPLY.networkUnreachable]: ["unreachable", "it cannot reach that network"],
  [SOCKS_REPLY.hostUnreachable]: ["unreachable", "it cannot reach that host"],
  [SOCKS_REPLY.refused]: ["unreachable", "the connection behind it is refused"],
  [SOCKS_REPLY.timeout]: ["unreachable", "what is behind it does not answer"],
};
/** An address's bytes by its type; a name has its length in front. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [ADDRESS_TYPE.v4]: 4,
  [ADDRESS_TYPE.v6]: 16,
};
const PORT_BYTES = 2;

/** A proxy of SOCKS 5. */
export class SocksProxy implements DialProxy {
  readonly address: Address;
  /** The message with user and password; none if undefined. */
  readonly #password: Uint8Array | undefined;

  /**
   * @param credentials `user:password`.
   * @throws {RangeError} one of the two has no byte or more than 255.
   */
  constructor(address: Address, credentials?: Secret) {
    this.address = address;
    if (credentials === undefined) return;
    const text = credentials.reveal();
    const colon = text.indexOf(":");
    this.#password = encodeSocksPassword(text.slice(0, colon), text.slice(colon + 1));
  }

  async open(conn: ProxyConn, target: Address): Promise<void> {
    if (target.kind === "unix") throw new TypeError("a proxy leads to no Unix socket");
    const fail = (failure: DialFailure, detail: string) =>
      proxyError(this.address, target, failure, detail);
    const read = (count: number) => readExactly(conn, count, fail);
    await this.#authenticate(conn, read, fail);
    let request: Uint8Array;
    try {
      request = encodeSocksConnect(target.host, target.port);
    } catch (error) {
      throw fail("failed", (error as Error).message);
    }
    await writeAll(conn, request);
    const [version, reply, , type] = await read(4);
    if (version !== VERSION) throw fail("failed", `its reply is of version ${version}, not 5`);
    if (reply !== SOCKS_REPLY.succeeded) {
      const [failure, detail] = FAILURES[reply!] ?? ["failed", "it cannot do that"];
      throw fail(failure, `${detail} (reply ${reply})`);
    }
    const bytes = type === ADDRESS_TYPE.name ? (await read(1))[0] : ADDRESS_BYTES[type!];
    if (bytes === undefined) throw fail("failed", `its reply has an address of type ${type}`);
    await read(bytes + PORT_BYTES);
  }

  async #authenticate(conn: ProxyConn, read: Read, fail: Fail): Promise<void> {
    const password = this.#password;
    await writeAll(conn, encodeSocksMethods(password !== undefined));
    const greeting = await read(2);
    const [version, method] = greeting;
    if (version !== VERSION) {
      throw fail("failed", `${describePeer(greeting)} answers there, no SOCKS 5 proxy`);
    }
    if (method === SOCKS_METHOD.none) return;
    if (method !== SOCKS_METHOD.password || password === undefined) {
      throw fail(
        "notAllowed",
        password !== undefined
          ? `it asks for another authentication than a password (method ${method})`
          : "it wants credentials, socks5://USER:PASSWORD@HOST:PORT in --proxy-file or REVTUN_PROXY",
      );
    }
    await writeAll(conn, password);
    const [passwordVersion, verdict] = await read(2);
    if (passwordVersion !== PASSWORD_VERSION || verdict !== 0) {
      throw fail("notAllowed", "it does not take the credentials that were given");
    }
  }
}

type Fail = (failure: DialFailure, detail: string) => DialError;
type Read = (count: number) => Promise<Uint8Array>;

/** Reads that much and no more: what is behind it is the target's. */
async function readExactly(conn: ProxyConn, count: number, fail: Fail): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let length = 0; length < count;) {
    const more = await conn.read(bytes.subarray(length));
    if (more === null) throw fail("failed", "closed without an answer");
    length += more;
  }
  return bytes;
}
