/** What frps.toml says, as `server:`. */
import { place } from "./frp_fields.ts";
import type { FrpFields } from "./frp_fields.ts";

/** Takes frps's fields. */
export function frpServer(fields: FrpFields): Record<string, unknown> {
  const bindHost = fields.text("bindAddr");
  const proxyHost = fields.text("proxyBindAddr") ?? bindHost;
  const httpPort = fields.number("vhostHTTPPort");
  const settings: Record<string, unknown> = {
    tunnel: [place(bindHost, fields.number("bindPort") ?? 7000)],
    listen: httpPort === undefined ? [] : [`http://${place(proxyHost, httpPort)}`],
    "open_clusters": true,
    "allow_expose": [
      ...portRules(fields, proxyHost),
      ...httpPort === undefined ? [] : ["http://*"],
    ],
    ...credential(fields),
    ...tls(fields),
    ...fields.common(),
  };
  if (httpPort !== undefined) {
    const host = fields.text("subDomainHost");
    if (host !== undefined) {
      const advice =
        `agents expose http://NAME.${host}, or add the route {cluster}.${host}={cluster}`;
      fields.note("subDomainHost", advice);
    }
  }
  const httpsPort = fields.number("vhostHTTPSPort");
  if (httpsPort !== undefined) {
    const listen = `tls://${place(proxyHost, httpsPort)}?route=HOST=CLUSTER/TARGET`;
    fields.note("vhostHTTPSPort", `add ${listen} to listen, with the hosts of your https proxies`);
  }
  fields.noteIf("tcpmuxHTTPConnectPort", "add connect://ADDRESS/CLUSTER to listen");
  fields.noteIf("maxPortsPerClient", "an agent may have 64, fewer by rules that name its identity");
  fields.noteIf("allowedClientIPs", "credential_policy: webhook decides on addresses too");
  fields.noteIf("httpPlugins", "credential_policy: webhook asks a service of yours");
  fields.noteIf("vhostHTTPTimeout", "routes have a timeout, 60s unless given");
  fields.drop("transport.tcpMux", "transport.maxPoolCount", "transport.tcpMuxKeepaliveInterval");
  fields.drop("transport.heartbeatTimeout", "transport.tcpKeepalive", "udpPacketSize");
  fields.drop("detailedErrorsToClient", "natholeAnalysisDataReserveHours", "userConnTimeout");
  return settings;
}

function portRules(fields: FrpFields, host: string | undefined): string[] {
  const ranges = fields.groups("allowPorts");
  const all = place(host, 0).replace(/0$/, "*");
  if (ranges.length === 0) return [`tcp://${all}`, `udp://${all}`];
  return ranges.flatMap((range) => {
    const first = range.number("single") ?? range.number("start");
    const last = range.number("end");
    range.noteRest();
    if (first === undefined) return [];
    const ports = `${place(host, first)}${last === undefined ? "" : `-${last}`}`;
    return [`tcp://${ports}`, `udp://${ports}`];
  });
}

function credential(fields: FrpFields): Record<string, unknown> {
  fields.drop("auth.additionalScopes", "auth.tokenSource.type");
  if (fields.text("auth.method") === "oidc") {
    fields.noteIf("auth.oidc.skipExpiryCheck", "tokens end when they say so");
    fields.noteIf("auth.oidc.skipIssuerCheck", "name the issuer: jwt_issuer");
    const issuer = fields.text("auth.oidc.issuer");
    fields.note("auth.oidc", "name the issuer's keys, its JWK set: jwt_keys");
    return {
      credential_policy: "jwt",
      ...issuer !== undefined && { jwt_issuer: issuer },
      jwt_audience: fields.text("auth.oidc.audience") ?? "revtun",
    };
  }
  fields.drop("auth.oidc.issuer", "auth.oidc.audience");
  fields.drop("auth.oidc.skipExpiryCheck", "auth.oidc.skipIssuerCheck");
  const token = fields.text("auth.token");
  const file = fields.text("auth.tokenSource.file.path");
  if (file !== undefined) return { token_file: file };
  return token === undefined ? {} : { token };
}

function tls(fields: FrpFields): Record<string, unknown> {
  const cert = fields.text("transport.tls.certFile");
  const key = fields.text("transport.tls.keyFile");
  const ca = fields.text("transport.tls.trustedCaFile");
  fields.drop("transport.tls.force");
  if (cert === undefined) {
    fields.note("transport.tls", "frp encrypts by a certificate that nobody checks: add tls: auto");
  }
  return {
    ...cert !== undefined && { tls_cert: cert },
    ...key !== undefined && { tls_key: key },
    ...ca !== undefined && { tls_client_ca: ca },
  };
}
