/** What targets are told of a client, made once for its connection. */

/**
 * How targets are told of clients: by X-Forwarded-For, -Proto and -Host, by RFC 7239's Forwarded, by
 * both, or not at all.
 */
export type ForwardedStyle = "x-forwarded" | "forwarded" | "both" | "none";

/** What a frontend tells targets about a client. */
export interface ClientFacts {
  /** Via, and what X-Forwarded fields are the same for each request of an untrusted client. */
  readonly lines: Uint8Array;
  /** `for=…;proto=…` of RFC 7239, to which the host is added. */
  readonly element: Uint8Array;
  /** How we call ourselves in Via. */
  readonly via: string;
  /** For X-Forwarded-For; "" if it is not known. */
  readonly address: string;
  /** For X-Forwarded-Proto. */
  readonly scheme: "http" | "https";
  /** What the client tells of those before it is believed and passed on. */
  readonly isTrusted: boolean;
  readonly style: ForwardedStyle;
  /** Authorization is for us, and goes no further. */
  readonly isAuthorizationOurs: boolean;
}

/** What there is to know of a client; `address` is "" if it has none. */
export function clientFacts(init: Omit<ClientFacts, "lines" | "element">): ClientFacts {
  const { via, address, scheme } = init;
  const isTold = hasXForwarded(init.style);
  const lines = [
    `Via: 1.1 ${via}\r\n`,
    ...(isTold && address !== "" ? [`X-Forwarded-For: ${address}\r\n`] : []),
    ...(isTold ? [`X-Forwarded-Proto: ${scheme}\r\n`] : []),
  ];
  const node = address === "" ? "unknown" : address.includes(":") ? `"[${address}]"` : address;
  const utf8 = new TextEncoder();
  return {
    ...init,
    lines: utf8.encode(lines.join("")),
    element: utf8.encode(`for=${node};proto=${scheme}`),
  };
}

/** Targets are told by X-Forwarded fields. */
export function hasXForwarded(style: ForwardedStyle): boolean {
  return style === "x-forwarded" || style === "both";
}

/** Targets are told by Forwarded. */
export function hasForwarded(style: ForwardedStyle): boolean {
  return style === "forwarded" || style === "both";
}
