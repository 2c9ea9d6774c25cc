/** `http://` and `https://`: each request is routed by itself, or all of them go to one cluster. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import { ListenError } from "../../errors.ts";
import { fixedRoute } from "../../http/default_route.ts";
import { HttpFrontend } from "../../http/http_frontend.ts";
import type { HttpFrontendChange } from "../../http/http_frontend.ts";
import type { ServerConfig } from "../config.ts";
import type { HttpRouting } from "../http_routing.ts";
import { TlsAcceptor } from "../../transport/tls_acceptor.ts";
import { listenTls } from "../../transport/tls_listen.ts";
import { MAX_HANDSHAKES } from "../../transport/tls_server.ts";
import type { TlsServerOptions } from "../../transport/tls_server.ts";
import type { ListenSpec } from "../listen_spec.ts";
import { checkDoor, hasProxyHeaders, withProxyHeaders } from "./door.ts";
import type { ClientDuplex, Frontend, FrontendKind, FrontendServices } from "./frontend.ts";
import { checkHttpAccess, HTTP_ACCESS_OPTIONS, openHttpAccess } from "./http_access.ts";

export const HTTP_KIND: FrontendKind = {
  needsCluster: false,
  options: [...HTTP_ACCESS_OPTIONS, "proxy_protocol"],
  check(spec) {
    checkDoor(spec);
    checkHttpAccess(spec);
  },
  make: makeHttp,
};

export const HTTPS_KIND: FrontendKind = {
  needsCluster: false,
  options: [...HTTP_ACCESS_OPTIONS, "proxy_protocol"],
  make: makeHttp,
  listensPlain: hasProxyHeaders,
  check(spec) {
    if (spec.address.kind === "unix") {
      throw new RangeError("https:// is for TCP; a Unix socket needs no TLS");
    }
    checkDoor(spec);
    checkHttpAccess(spec);
  },
  async listen(address, runtime, { onConnection, sharing, room }, { certificates, stats }) {
    return await listenTls(address, runtime, {
      ...tlsOptions(address, { certificates, stats }),
      // Open files: who is in its handshake has one like any other client.
      get maxHandshakes() {
        return Math.min(MAX_HANDSHAKES, Math.max(1, room()));
      },
      onConnection,
      sharing,
    });
  },
};

function makeHttp(spec: ListenSpec, services: FrontendServices): Frontend {
  const { config, upstreams, routing, runtime, stats, streams } = services;
  const { scheme, cluster, target } = spec;
  const { access, close } = openHttpAccess(spec, runtime);
  const http = new HttpFrontend({
    upstreams,
    runtime,
    scheme: scheme === "https" ? "https" : "http",
    route: cluster === undefined ? routing.route : fixedRoute({ cluster, target }),
    ...(access !== undefined && { access }),
    ...changeable(config, routing),
    streamIds: streams.ids,
    name: services.frontendName,
    watch: services.watch,
    onH2Refused: (refusal) => stats.h2Refused(refusal),
    onPassed: (durationMs) => stats.duration.observe(durationMs),
    onAnswer: ({ status, code, durationMs }) => stats.answered(status, code, durationMs),
  });
  streams.include(() => http.exchanges());
  const serve = (client: ClientDuplex) => http.serve(client, client.remote, client.tls?.alpn);
  const tls = scheme === "https" && hasProxyHeaders(spec)
    ? new TlsAcceptor(runtime, { ...tlsOptions(spec.address, services), onConnection: serve })
    : undefined;
  // Addresses are looked at with each request, which may name the client behind a proxy.
  return withProxyHeaders(spec, services, {
    configure: (next) => http.configure(changeable(next, routing)),
    serve: tls === undefined ? serve : (client) => tls.accept(client),
    drain: () => void http.drain(),
    close: () => {
      tls?.close();
      http.close();
      close();
    },
  });
}

/** @throws {ListenError} there is no certificate. */
function tlsOptions(
  address: Address,
  { certificates, stats }: Pick<FrontendServices, "certificates" | "stats">,
): Omit<TlsServerOptions, "onConnection"> {
  if (certificates === undefined) {
    throw new ListenError(
      formatAddress(address),
      "https:// needs a certificate, give --frontend-cert and --frontend-key",
    );
  }
  return {
    certificates,
    alpn: ["h2", "http/1.1"],
    onRefused: (refusal) => stats.tlsRefused(refusal),
  };
}

/** What may be another one after each reload. */
export function changeable(config: ServerConfig, routing: HttpRouting): HttpFrontendChange {
  const { holdMs, idleTimeoutMs, maxBodyBytes, tellsTimings, forwarded } = config;
  const answerTimeoutMs = config.firstByteTimeoutMs;
  return {
    settings: { holdMs, answerTimeoutMs, idleTimeoutMs, maxBodyBytes, tellsTimings },
    forwarded,
    trustedProxies: routing.trustedProxies,
  };
}
