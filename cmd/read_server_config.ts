/** A server's configuration, of its options. */
import { noCredential } from "../lib/auth/credential_policy.ts";
import { ConfigError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { serverConfig } from "../lib/server/config.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { parseListenSpec } from "../lib/server/listen_spec.ts";
import { parseClusterTime } from "../lib/server/slow_start.ts";
import { nearestMatch } from "../lib/suggest.ts";
import { openCredentialPolicy } from "./credential_options.ts";
import { httpConfigOf } from "./http_options.ts";
import { limitConfigOf } from "./limit_options.ts";
import type { OptionValues } from "./option.ts";
import type { Settings } from "./settings.ts";
import type { TlsServerSettings } from "./tls_options.ts";
import { parseListenAddress } from "./server_options.ts";
import type { SERVER_OPTIONS } from "./server_options.ts";

/** Makes the configuration; whoever asked closes its credential policy. @throws {ConfigError} */
export async function readServerConfig(
  { values, sourceOf }: Settings<OptionValues<typeof SERVER_OPTIONS>>,
  runtime: Runtime,
  tls: TlsServerSettings,
): Promise<ServerConfig> {
  const frontends = values.listen.map(parseListenSpec);
  const http = httpConfigOf(values, sourceOf);
  if (values["open-clusters"] !== true) {
    checkDeclared(values.cluster, sourceOf("route"), http.routes.map(({ cluster }) => cluster));
    checkDeclared(values.cluster, sourceOf("listen"), frontends.map(({ cluster }) => cluster));
  }
  if (tls.frontends === undefined && frontends.some(({ scheme }) => scheme === "https")) {
    const detail = "https:// needs a certificate, give --frontend-cert and --frontend-key";
    throw new ConfigError(sourceOf("listen"), detail);
  }
  const credentialPolicy = await openCredentialPolicy(values, sourceOf, runtime);
  const isOpenByDefault = values.cluster.length === 0 && credentialPolicy === noCredential;
  return serverConfig({
    ...http,
    ...limitConfigOf(values),
    frontends,
    tunnels: values.tunnel.map(parseListenAddress),
    tunnelTls: tls.tunnel,
    frontendTls: tls.frontends,
    clusters: values.cluster.length > 0 ? values.cluster : [
      ...frontends.flatMap((spec) => spec.cluster ?? []),
      ...http.routes.map(({ cluster }) => cluster).filter((name) => name !== "{cluster}"),
    ],
    isOpenToClusters: values["open-clusters"] ?? isOpenByDefault,
    isOpenToNamedClusters: values.cluster.length === 0,
    credentialPolicy,
    initTimeoutMs: values["init-timeout"],
    prereadTimeoutMs: values["preread-timeout"],
    holdMs: values.hold,
    idleTimeoutMs: values["idle-timeout"],
    keepalive: { intervalMs: values.keepalive, timeoutMs: values.keepalive },
    drainTimeoutMs: values["drain-timeout"],
    slowStart: {
      defaultMs: values["slow-start"],
      byCluster: new Map(values["cluster-slow-start"].map(parseClusterTime)),
    },
  });
}

/** @throws {ConfigError} one of `names` is no declared cluster, where any is declared. */
function checkDeclared(
  declared: readonly string[],
  source: string,
  names: readonly (string | undefined)[],
): void {
  if (declared.length === 0) return;
  for (const name of names) {
    if (name === undefined || name === "{cluster}" || declared.includes(name)) continue;
    const nearest = nearestMatch(name, declared);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new ConfigError(source, `names cluster "${name}", which is not declared${hint}`);
  }
}
