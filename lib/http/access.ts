/** Who may ask a frontend: by address, by name and password, or both. */
import type { AddressList } from "../address_list.ts";
import type { Answer } from "./answer.ts";
import type { RequestView } from "./route.ts";

/** Names and passwords, `NAME:PASSWORD`. */
export interface PasswordCheck {
  /** What is known without work; undefined if nothing is. */
  known(pair: string): boolean | undefined;
  /** Finds out, so that it is known from then on. Rejects where too many are asked for. */
  check(pair: string): Promise<boolean>;
}

/** Rules of a frontend. */
export interface AccessRules {
  /** Clients that may ask, by address; any if undefined. */
  readonly allowed?: AddressList | undefined;
  /** Users that may ask; no password is asked for if undefined. */
  readonly users?: PasswordCheck | undefined;
  /** The frontend is a proxy: its users' passwords come by Proxy-Authorization. */
  readonly isProxy?: boolean;
  /** What the users' password is for, as browsers show it; "revtun" by default. */
  readonly realm?: string;
}

/** Longest Authorization that is looked at: a name and password take less. */
const MAX_AUTHORIZATION = 1024;

/** Decides whether a request may pass, by the same head that is then routed and forwarded. */
export class Access {
  readonly #rules: AccessRules;
  readonly #field: string;
  readonly #refusal: Omit<Answer, "detail">;

  constructor(rules: AccessRules) {
    this.#rules = rules;
    const realm = (rules.realm ?? "revtun").replaceAll(/["\\]|[^\x20-\x7e]/g, "");
    const { isProxy = false } = rules;
    this.#field = isProxy ? "proxy-authorization" : "authorization";
    const challenge = `Basic realm="${realm}", charset="UTF-8"`;
    this.#refusal = {
      status: isProxy ? 407 : 401,
      code: isProxy ? "proxy-unauthorized" : "unauthorized",
      hop: "frontend",
      fields: [`${isProxy ? "Proxy" : "WWW"}-Authenticate: ${challenge}`],
    };
  }

  /** Authorization is for us, and none of a target's business. */
  get takesAuthorization(): boolean {
    return this.#rules.users !== undefined && this.#rules.isProxy !== true;
  }

  /**
   * Gives an answer for those who may not ask, nothing for those who may, and a promise where that
   * takes some time: once it has settled, the same question has another result.
   */
  check(request: RequestView): Answer | undefined | Promise<unknown> {
    const { allowed, users } = this.#rules;
    if (allowed !== undefined && !isListed(allowed, request)) return FORBIDDEN;
    if (users === undefined) return undefined;
    const pair = basicCredentials(request.header(this.#field));
    if (pair === undefined) return this.#ask("This frontend asks for a name and a password.");
    const isKnown = users.known(pair);
    if (isKnown === true) return undefined;
    if (isKnown === false) return this.#ask("The name or the password is wrong.");
    return users.check(pair);
  }

  #ask(detail: string): Answer {
    return { ...this.#refusal, detail };
  }
}

/** The answer while more passwords are to be checked than can be. */
export const TOO_MANY_CHECKS: Answer = {
  status: 503,
  code: "overloaded",
  hop: "frontend",
  detail: "Too many passwords are being checked.",
  retryAfterS: 1,
};

const FORBIDDEN: Answer = {
  status: 403,
  code: "address-not-allowed",
  hop: "frontend",
  detail: "This frontend takes no requests from your address.",
};

function isListed(allowed: AddressList, request: RequestView): boolean {
  const { client, clientIp } = request;
  // By a proxy on a unix socket that says nothing of others, or by no proxy at all.
  if (client?.kind === "unix" && clientIp === "") return allowed.has(client);
  return allowed.hasIp(clientIp);
}

/** `NAME:PASSWORD` as RFC 7617 writes it in a header; undefined if it is none. */
export function basicCredentials(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_AUTHORIZATION) return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  let pair: string;
  try {
    pair = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(encoded));
  } catch {
    return undefined;
  }
  return pair.includes(":") ? pair : undefined;
}
