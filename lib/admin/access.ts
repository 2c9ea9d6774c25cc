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
 * own, and those of `origins`. With one, any name is: what counts is the token, which no browser
 * sends by itself.
 */
export class AccessRule {
  readonly #kind: Address["kind"];
  readonly #expected: Buffer | undefined;
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  /** @param origins addresses of the console at a proxy, as `parseOrigin()` gives them */
  constructor(kind: Address["kind"], token: Secret | undefined, origins: readonly string[] = []) {
    this.#kind = kind;
    this.#expected = token === undefined ? undefined : sha256(token.reveal());
    this.#origins = new Set(origins);
    this.#hosts = new Set(origins.map((origin) => new URL(origin).hostname));
  }

  get wantsToken(): boolean {
    return this.#expected !== undefined;
  }

  /** @throws {Problem} 403 for a name that is not this endpoint's. */
  checkHost(url: URL): void {
    const isOwn = this.#kind !== "tcp" || this.wantsToken || isLocalName(url.hostname) ||
      this.#hosts.has(url.hostname);
    if (!isOwn) {
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
    if (!isForeign && (origin === null || this.#isOwn(origin, url, site))) return;
    throw new Problem(
      403,
      "Requests of other sites' pages are not served; the address of a proxy in front has to be " +
        "named by --admin-origin",
    );
  }

  /**
   * The page came from here. Behind a proxy that ends TLS its scheme is another; then the browser's
   * own word is wanted too, which no page can forge (Fetch Metadata) and which is not there where
   * TLS does not say who answers.
   */
  #isOwn(origin: string, url: URL, site: string | null): boolean {
    if (origin === url.origin || this.#origins.has(origin)) return true;
    return site === "same-origin" && origin === `https://${url.host}`;
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
