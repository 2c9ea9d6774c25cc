/** HTTP's way through a proxy: CONNECT, RFC 9110 section 9.3.6. */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import { LF } from "../codec/http1/byte_class.ts";
import { INCOMPLETE } from "../codec/http1/head.ts";
import { HttpError } from "../codec/http1/http_error.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import type { DialError, DialFailure } from "../errors.ts";
import { printable } from "../printable.ts";
import type { Secret } from "../secret.ts";
import type { DialProxy, ProxyConn } from "../transport/dial.ts";
import { describePeer } from "./probe/describe_peer.ts";
import { proxyError, writeAll } from "./proxy_conn.ts";

/** The whole answer, with all that is said before it; proxies' own are of some 100 bytes. */
const MAX_ANSWER_BYTES = 16 << 10;
/** Bytes that tell a status line from other protocols. */
const SIGNATURE_BYTES = 8;

/** A proxy for HTTP. */
export class ConnectProxy implements DialProxy {
  readonly address: Address;
  /** `user:password`; none if undefined. */
  readonly #credentials: Secret | undefined;

  constructor(address: Address, credentials?: Secret) {
    this.address = address;
    this.#credentials = credentials;
  }

  async open(conn: ProxyConn, target: Address): Promise<void> {
    const name = formatAddress(target);
    const lines = [`CONNECT ${name} HTTP/1.1`, `Host: ${name}`];
    if (this.#credentials !== undefined) {
      const bytes = new TextEncoder().encode(this.#credentials.reveal());
      lines.push(`Proxy-Authorization: Basic ${bytes.toBase64()}`);
    }
    await writeAll(conn, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    const head = await this.#readAnswer(conn, target);
    if (head.status < 200 || head.status > 299) throw this.#refusal(head, target);
  }

  /** Reads a byte at a time: what is behind the head cannot be given back to the runtime. */
  async #readAnswer(conn: ProxyConn, target: Address): Promise<ResponseHead> {
    const head = new ResponseHead();
    const bytes = new Uint8Array(MAX_ANSWER_BYTES);
    let start = 0;
    for (let length = 0; length < bytes.length;) {
      const isEnded = await conn.read(bytes.subarray(length, length + 1)) === null;
      if (!isEnded) length += 1;
      if (isEnded || bytes[length - 1] === LF || length === SIGNATURE_BYTES) {
        const end = this.#parse(head, bytes.subarray(0, length), start, target);
        if (end !== INCOMPLETE && !head.isInterim) return head;
        if (end !== INCOMPLETE) start = end;
      }
      if (isEnded) throw this.#error(target, "failed", "closed without an answer");
    }
    throw this.#error(target, "failed", `its answer's head is over ${MAX_ANSWER_BYTES} bytes`);
  }

  #parse(head: ResponseHead, bytes: Uint8Array, start: number, target: Address): number {
    try {
      return head.parse(bytes, start, bytes.length);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const detail = error.offset < SIGNATURE_BYTES && start === 0
        ? `${describePeer(bytes)} answers there, no HTTP proxy`
        : `its answer is broken: ${error.detail}`;
      throw this.#error(target, "failed", detail);
    }
  }

  #refusal(head: ResponseHead, target: Address): DialError {
    const { status } = head;
    const said = printable(`${status} ${head.reason.slice(0, 80)}`.trim());
    switch (status) {
      // Some say 401 where the credentials are wrong.
      case 401:
      case 407:
        return this.#error(target, "notAllowed", `${said}: ${this.#adviseOnCredentials(head)}`);
      case 403:
        return this.#error(
          target,
          "notAllowed",
          `${said}: it does not let anybody through to there; many let port 443 through only`,
        );
      case 502:
      case 503:
      case 504:
        return this.#error(target, "unreachable", `${said}: it cannot reach that itself`);
      default:
        return this.#error(target, "failed", `${said}: it does not do what CONNECT asks for`);
    }
  }

  #adviseOnCredentials(head: ResponseHead): string {
    const schemes = head.header("proxy-authenticate");
    if (schemes !== undefined && !/\bbasic\b/i.test(schemes)) {
      return "it asks for another authentication than Basic, the only one spoken here";
    }
    return this.#credentials === undefined
      ? "it wants credentials, http://USER:PASSWORD@HOST:PORT in --proxy-file or REVTUN_PROXY"
      : "it does not take the credentials that were given";
  }

  #error(target: Address, failure: DialFailure, detail: string): DialError {
    return proxyError(this.address, target, failure, detail);
  }
}
