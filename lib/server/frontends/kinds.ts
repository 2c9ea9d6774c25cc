/** Every scheme that a frontend may have. */
import { CONNECT_KIND } from "./connect.ts";
import type { FrontendKind } from "./frontend.ts";
import { HTTP_KIND, HTTPS_KIND } from "./http.ts";
import { SOCKS5_KIND } from "./socks5.ts";
import { TCP_KIND } from "./tcp.ts";
import { TLS_KIND } from "./tls.ts";
import { UDP_KIND } from "./udp.ts";

export const FRONTEND_KINDS = {
  http: HTTP_KIND,
  https: HTTPS_KIND,
  tcp: TCP_KIND,
  tls: TLS_KIND,
  socks5: SOCKS5_KIND,
  connect: CONNECT_KIND,
  udp: UDP_KIND,
} as const satisfies Record<string, FrontendKind>;

/** What a frontend speaks with its clients. */
export type FrontendScheme = keyof typeof FRONTEND_KINDS;
