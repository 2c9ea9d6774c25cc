/** What frpc.toml says, as `agent:`. */
import { place } from "./frp_fields.ts";
import type { FrpFields } from "./frp_fields.ts";

/** What one proxy makes. */
interface Proxy {
  readonly target?: string | undefined;
  readonly expose?: readonly string[];
}

/** Plugins, and what stands for them here. */
const PLUGINS: Readonly<Record<string, string>> = {
  "http_proxy": "the server listens, connect://ADDRESS/CLUSTER, and allow says what it reaches",
  socks5: "the server listens, socks5://ADDRESS/CLUSTER, and allow says what it reaches",
  "static_file": "no files are served here: start a server of files, as a target",
  https2http: "the server listens, https://ADDRESS, with frontend_cert and frontend_key",
  https2https: "the server listens, https://ADDRESS, with frontend_cert and frontend_key",
  tls2raw: "TLS of tcp:// frontends is not opened: let a server beside the target do it",
  "virtual_net": "has no counterpart",
};

/** Takes frpc's fields. */
export function frpAgent(fields: FrpFields): Record<string, unknown> {
  const cluster = asName(fields.text("user") ?? "edge");
  const host = fields.text("serverAddr") ?? "127.0.0.1";
  const chosen = fields.texts("start");
  const targets: string[] = [];
  const expose: string[] = [];
  const names = new Set<string>();
  for (const proxy of fields.groups("proxies")) {
    const proxyName = proxy.text("name") ?? "";
    const isOff = proxy.take("enabled") === false ||
      chosen.length > 0 && !chosen.includes(proxyName);
    if (isOff) continue;
    const group = proxy.text("loadBalancer.group");
    proxy.drop("loadBalancer.groupKey");
    // Agents that share a frontend do it for a target of one name.
    const name = asName(group ?? proxyName);
    if (names.has(name)) {
      proxy.note(
        "name",
        `there is a target ${name} already, which has one address: start an agent for this one`,
      );
      continue;
    }
    const made = readProxy(proxy, name, cluster);
    proxy.noteRest();
    if (made.target !== undefined) {
      names.add(name);
      targets.push(made.target);
    }
    expose.push(...made.expose ?? []);
  }
  for (const visitor of fields.groups("visitors")) {
    visitor.note("serverName", "there are no visitors: see stcp in docs/migrating.md");
  }
  fields.noteIf("includes", "import these files too, one by one");
  const proxyUrl = fields.text("transport.proxyURL") ?? "";
  const isProxy = /^(http|socks5):/i.test(proxyUrl);
  if (proxyUrl !== "" && !isProxy) {
    fields.note("transport.proxyURL", "proxy takes http:// and socks5:// only");
  }
  fields.drop("loginFailExit", "udpPacketSize", "transport.poolCount", "transport.tcpMux");
  fields.drop("transport.tcpMuxKeepaliveInterval", "transport.heartbeatTimeout");
  fields.drop("transport.dialServerKeepalive", "natHoleStunServer");
  const protocol = fields.text("transport.protocol") ?? "tcp";
  if (protocol !== "tcp") fields.note("transport.protocol", `${protocol} has no counterpart: TCP`);
  const keepalive = fields.number("transport.heartbeatInterval") ?? -1;
  const timeout = fields.number("transport.dialServerTimeout");
  return {
    server_list: [place(host, fields.number("serverPort") ?? 7000)],
    cluster,
    targets,
    ...expose.length > 0 && { expose },
    ...isProxy && { proxy: proxyUrl },
    ...credential(fields),
    ...tls(fields),
    ...keepalive > 0 && { keepalive: `${keepalive}s` },
    ...timeout !== undefined && { connect_timeout_duration: `${timeout}s` },
    ...fields.common(),
  };
}

function readProxy(proxy: FrpFields, name: string, cluster: string): Proxy {
  const type = proxy.text("type") ?? "tcp";
  const plugin = proxy.text("plugin.type");
  const address = addressOf(proxy, plugin);
  const port = proxy.number("remotePort");
  const domains = [...proxy.texts("customDomains")];
  noteOptions(proxy);
  if (address === undefined) {
    if (plugin === undefined) proxy.note("localPort", "missing: there is nothing to lead to");
    else proxy.note("plugin.type", PLUGINS[plugin] ?? `${plugin} has no counterpart`);
    proxy.dropAll();
    return {};
  }
  const target = `${name}=${type === "udp" ? "udp://" : ""}${address}${query(proxy)}`;
  switch (type) {
    case "tcp":
    case "udp":
      if (port !== undefined) return { target, expose: [`${type}://:${port}=${name}`] };
      proxy.note("remotePort", `name a port, and expose ${type}://:PORT=${name}`);
      return { target };
    case "http": {
      const subdomain = proxy.text("subdomain");
      if (subdomain !== undefined) {
        proxy.note(
          "subdomain",
          `expose http://${subdomain}.HOST=${name}, HOST as subDomainHost of frps`,
        );
      }
      const paths = proxy.texts("locations");
      if (paths.some((path) => path !== "/")) {
        proxy.note("locations", `all paths lead here; routes of the server choose by path`);
      }
      for (const domain of domains.filter((domain) => domain.includes("*"))) {
        proxy.note("customDomains", `the server routes these: ${domain}=${cluster}/${name}`);
      }
      const whole = domains.filter((domain) => !domain.includes("*"));
      return { target, expose: whole.map((domain) => `http://${domain}=${name}`) };
    }
    case "https": {
      proxy.drop("subdomain");
      const routes = (domains.length > 0 ? domains : ["HOST"])
        .map((domain) => `${domain}=${cluster}/${name}`);
      proxy.note("customDomains", `the server listens: tls://:443?route=${routes.join(",")}`);
      return { target };
    }
    default:
      proxy.drop("secretKey", "allowUsers", "multiplexer");
      proxy.note(
        "type",
        `${type} has none; nearest: the server listens, tcp://127.0.0.1:PORT/${cluster}/${name}`,
      );
      return { target };
  }
}

/** Where it leads to; undefined for a plugin that is no place. */
function addressOf(proxy: FrpFields, plugin: string | undefined): string | undefined {
  if (plugin === undefined) {
    const host = proxy.text("localIP") ?? "127.0.0.1";
    const port = proxy.number("localPort");
    return port === undefined ? undefined : place(host, port);
  }
  proxy.drop("localIP", "localPort");
  if (plugin === "unix_domain_socket") return `unix:${proxy.text("plugin.unixPath") ?? ""}`;
  if (plugin === "http2http") return proxy.text("plugin.localAddr");
  if (plugin === "http2https") return `tls://${proxy.text("plugin.localAddr") ?? ""}`;
  return undefined;
}

/** Options of the target. */
function query(proxy: FrpFields): string {
  const options: string[] = [];
  const host = proxy.text("hostHeaderRewrite") ?? proxy.text("plugin.hostHeaderRewrite");
  if (host !== undefined) options.push(`host=${host}`);
  const health = proxy.text("healthCheck.type");
  if (health === "tcp") options.push("health=tcp");
  if (health === "http") options.push(`health=${proxy.text("healthCheck.path") ?? "/"}`);
  const interval = proxy.number("healthCheck.intervalSeconds");
  if (health !== undefined && interval !== undefined) options.push(`health_interval=${interval}s`);
  if ((proxy.number("healthCheck.maxFailed") ?? 3) !== 3) {
    proxy.note("healthCheck.maxFailed", "after three failures there are no more requests");
  }
  proxy.drop("healthCheck.timeoutSeconds");
  const version = proxy.text("transport.proxyProtocolVersion");
  if (version !== undefined) options.push(`proxy_protocol=${version}`);
  return options.length === 0 ? "" : `?${options.join("&")}`;
}

function noteOptions(proxy: FrpFields): void {
  proxy.noteIf("httpUser", "the server asks: http://ADDRESS?users=FILE");
  proxy.drop("httpPassword", "transport.bandwidthLimitMode", "transport.useEncryption");
  proxy.noteIf("transport.bandwidthLimit", "max_bandwidth is for all of an agent");
  proxy.noteIf("transport.useCompression", "nothing is compressed");
  proxy.noteIf("requestHeaders", "routes of the server have request_headers");
  proxy.noteIf("responseHeaders", "routes of the server have response_headers");
}

function credential(fields: FrpFields): Record<string, unknown> {
  fields.drop("auth.additionalScopes", "auth.tokenSource.type");
  if (fields.text("auth.method") === "oidc") {
    fields.noteIf("auth.oidc", "write a JSON web token to a file, which is read anew: token_file");
    return { credential_policy: "jwt" };
  }
  const token = fields.text("auth.token");
  const file = fields.text("auth.tokenSource.file.path");
  if (file !== undefined) return { token_file: file };
  return token === undefined ? {} : { credential: token };
}

function tls(fields: FrpFields): Record<string, unknown> {
  const ca = fields.text("transport.tls.trustedCaFile");
  const cert = fields.text("transport.tls.certFile");
  const key = fields.text("transport.tls.keyFile");
  const name = fields.text("transport.tls.serverName");
  const isOff = fields.take("transport.tls.enable") === false;
  fields.drop("transport.tls.disableCustomTLSFirstByte");
  if (isOff) return {};
  if (ca === undefined && cert === undefined) {
    fields.note(
      "transport.tls",
      "frp encrypts and checks nobody: add tls: true, and tls_pin or tls_ca",
    );
    return {};
  }
  return {
    tls: true,
    ...ca !== undefined && { tls_ca: ca },
    ...cert !== undefined && { tls_cert: cert },
    ...key !== undefined && { tls_key: key },
    ...name !== undefined && { tls_server_name: name },
  };
}

/** A name as ours are: letters, digits, ".", "_" and "-". */
function asName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 253) || "edge";
}
