/** Who may use the admin endpoint. */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Address } from "../address.ts";
import type { Secret } from "../secret.ts";
import { Problem } from "./problem.ts";

/**
 * Refuses what a page of another site makes a browser send (DNS rebinding, CSRF), and whoever does
 * not show the token where there is one.
 *
 * Without a token the endpoint is on loopback or a Unix socket: then only names of loopback are its
 * own. With one, any name is: what counts is the token, which no browser sends by itself.
 */
export class AccessRule {
  readonly #kind: Address["kind"];
  readonly #expected: Buffer | undefined;

  constructor(kind: Address["kind"], token: Secret | undefined) {
    this.#kind = kind;
    this.#expected = token === undefined ? undefined : sha256(token.reveal());
  }

  get wantsToken(): boolean {
    return this.#expected !== undefined;
  }

  /** @throws {Problem} 403 for a name that is not this endpoint's. */
  checkHost(url: URL): void {
    if (this.#kind === "tcp" && !this.wantsToken && !isLocalName(url.hostname)) {
      throw new Problem(
        403,
        `Host "${url.hostname}" is not this endpoint's; use 127.0.0.1 or localhost`,
      );
    }
  }

  /** @throws {Problem} 403 for what another site's page sent. */
  checkOrigin(request: Request, url: URL): void {
    const origin = request.headers.get("origin");
    const site = request.headers.get("sec-fetch-site");
    // A page on another port of this machine is of the same "site".
    const isForeign = site === "cross-site" || site === "same-site";
    if ((origin !== null && origin !== url.origin) || isForeign) {
      throw new Problem(403, "Requests of other sites' pages are not served");
    }
  }

  /** @throws {Problem} 401 without the token, 403 with a wrong one. */
  checkToken(request: Request): void {
    if (this.#expected === undefined) return;
    const match = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "");
    if (match === null) {
      throw new Problem(401, "This endpoint wants a token: authorization: Bearer TOKEN", {
        "www-authenticate": 'Bearer realm="revtun"',
      });
    }
    if (!timingSafeEqual(sha256(match[1]!), this.#expected)) {
      throw new Problem(403, "The token is wrong");
    }
  }
}

function isLocalName(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
