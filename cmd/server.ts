/** `revtun server`. */
import { parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import type { Admin } from "../lib/admin/admin.ts";
import { noCredential } from "../lib/auth/credential_policy.ts";
import { ConfigError } from "../lib/errors.ts";
import { checkName } from "../lib/name.ts";
import type { Runtime } from "../lib/runtime.ts";
import { serverConfig } from "../lib/server/config.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { parseListenSpec } from "../lib/server/listen_spec.ts";
import { startServer } from "../lib/server/server.ts";
import type { TrafficWatcher } from "../lib/server/traffic_watch.ts";
import { parseClusterTime } from "../lib/server/slow_start.ts";
import { nearestMatch } from "../lib/suggest.ts";
import type { PortSharing } from "../lib/transport/port_sharing.ts";
import { ACCESS_LOG_OPTIONS, ServerAccessLog } from "./access_log_options.ts";
import { ADMIN_OPTIONS, readAdminSetup } from "./admin_options.ts";
import type { AdminSetup } from "./admin_options.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Following } from "./command.ts";
import { CONFIG_OPTION, LOG_OPTIONS } from "./common_options.ts";
import { CREDENTIAL_OPTIONS, openCredentialPolicy } from "./credential_options.ts";
import { rightsFor } from "./give_up.ts";
import type { Right } from "./give_up.ts";
import { HTTP_OPTIONS, httpConfigOf } from "./http_options.ts";
import { LIMIT_OPTIONS, limitConfigOf } from "./limit_options.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import type { Settings } from "./settings.ts";
import { agentLine, TLS_SERVER_OPTIONS, tlsServerOf } from "./tls_options.ts";
import type { TlsServerSettings } from "./tls_options.ts";
import { takeOver } from "./take_over.ts";
import { openDoorOf, shutDoorOf } from "./server_doors.ts";
import { openTracer, TRACE_OPTIONS, traceShareOf } from "./trace_options.ts";
import { SOFTWARE } from "./software.ts";

/** Options of `revtun server`. */
export const SERVER_OPTIONS = [
  {
    name: "listen",
    kind: "list",
    placeholder: "[SCHEME://]ADDRESS[/CLUSTER[/TARGET]]",
    default: ":8080",
    parse: parseListenSpec,
    description:
      "Frontend for clients: http:// (default), https://, tcp://, tls:// (by its name), " +
      "socks5://, connect:// or udp://; :PORT is all addresses",
  },
  {
    name: "tunnel",
    kind: "list",
    placeholder: "ADDRESS",
    default: ":9000",
    parse: parseListenAddress,
    description: "Where agents come in",
  },
  ...HTTP_OPTIONS,
  {
    name: "cluster",
    key: "clusters",
    kind: "list",
    placeholder: "NAME",
    parse: checkName,
    description: "Cluster that agents may register in",
    group: "Agents",
  },
  {
    name: "open-clusters",
    kind: "boolean",
    defaultText: "only while no cluster is declared and no credential is set",
    description: "Let agents register in clusters of any name",
    group: "Agents",
  },
  ...CREDENTIAL_OPTIONS,
  {
    name: "init-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5s",
    min: 1,
    description: "Deadline of an agent's handshake",
    group: "Limits",
  },
  {
    name: "preread-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "10s",
    min: 1,
    description: "How long a client may take to say where to: ClientHello, SOCKS, PROXY header",
    group: "Limits",
  },
  {
    name: "hold",
    kind: "duration",
    placeholder: "TIME",
    default: "5s",
    description: "How long a request waits for a host of its cluster; 0 for not at all",
    group: "Limits",
  },
  {
    name: "idle-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "5m",
    description: "Close connections on which nothing passes for this long; 0 for never",
    group: "Limits",
  },
  {
    name: "keepalive",
    kind: "duration",
    placeholder: "TIME",
    default: "10s",
    description:
      "Ping an agent after this long without a byte; dead after as long again; 0 for off",
    group: "Limits",
  },
  {
    name: "drain-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "15s",
    description: "What work in flight is given to end when the server stops",
    group: "Limits",
  },
  {
    name: "slow-start",
    kind: "duration",
    placeholder: "TIME",
    default: "0s",
    description: "How long a new host takes to its full share of requests",
    group: "Limits",
  },
  {
    name: "cluster-slow-start",
    kind: "list",
    placeholder: "CLUSTER=TIME",
    parse: parseClusterTime,
    description: "The same for hosts of one cluster",
    group: "Limits",
  },
  ...TLS_SERVER_OPTIONS,
  {
    name: "takeover",
    kind: "boolean",
    isFixed: true,
    description:
      "Take the ports and agents of the server that runs here, found by --admin, which then stops",
    group: "Admin",
  },
  ...LIMIT_OPTIONS,
  ...ADMIN_OPTIONS,
  CONFIG_OPTION,
  ...ACCESS_LOG_OPTIONS,
  ...TRACE_OPTIONS,
  ...LOG_OPTIONS,
] as const satisfies readonly OptionSpec[];

export const command: Command = defineCommand({
  name: "server",
  section: "server",
  summary: "Run the tunnel server: frontends for clients, a tunnel port for agents",
  description:
    "Agents dial the tunnel port and register as hosts of a cluster; what clients send " +
    "to a frontend goes down those connections to the agents' targets.\n\n" +
    "An http:// frontend without a cluster routes each request: by --route where there is one; " +
    "else by the header x-revtun-cluster, by the first label of Host when it names a cluster, or " +
    "to the only cluster there is.",
  options: SERVER_OPTIONS,
  examples: [
    { line: "revtun server --listen :8080 --tunnel :9000", description: "HTTP for any cluster" },
    {
      line: "revtun server --listen tcp://:2222/edge-a/ssh --tunnel :9000",
      description: "port 2222 goes to the target ssh of edge-a's agents",
    },
    {
      line: "revtun server --route shop.example.com/api=edge-a/api " +
        "--route '{cluster}.edge.example.com={cluster}'",
      description: "HTTP by host and path; a label of the host names the cluster",
    },
  ],
  async check(settings, runtime) {
    await readAdminSetup(settings, runtime);
    // Nothing is made by a mere look.
    const tls = await tlsServerOf(settings, undefined);
    await (await readServerConfig(settings, runtime, tls)).credentialPolicy.close?.();
  },
  async run(context) {
    const { signal, values } = context;
    const plain = context.createRuntime();
    await using cleanup = new AsyncDisposableStack();
    const machineName = Deno.hostname();
    const autoPlace = { machineName, folder: stateDir() };
    const tls = await tlsServerOf(context, autoPlace);
    const setup = await readAdminSetup(context, plain);
    const portSharing = portSharingOf(context, setup);
    const accessLog = cleanup.use(await ServerAccessLog.open(context, plain));
    const watchers: TrafficWatcher[] = [accessLog.log];
    const tracer = await openTracer(context, plain);
    if (tracer !== undefined) watchers.push(tracer);
    const config = { ...await readServerConfig(context, plain, tls), portSharing, watchers };
    // Whichever is in use at the end.
    let { credentialPolicy } = config;
    cleanup.defer(() => credentialPolicy.close?.());
    const runtime = setup?.runtime ?? plain;
    const openDoor = openDoorOf(config);
    if (openDoor !== undefined) runtime.log.warn("server.open", openDoor);
    const shutDoor = shutDoorOf(config);
    if (shutDoor !== undefined) {
      runtime.log.warn("server.shut", `${shutDoor.detail}; ${shutDoor.advice}`);
    }
    const server = values.takeover
      ? await takeOver(config, runtime, setup!, signal)
      : await startServer(config, runtime, SOFTWARE);
    if (tls.pin !== undefined) {
      const [tunnel] = server.tunnelAddresses;
      const line = agentLine(tunnel!, machineName, config.clusters[0] ?? "edge-a", tls.pin);
      await context.stdout.write(`${line}\n`);
    }
    // A server that was taken over frees its admin address at once; else who watches it wants to
    // see how it ends.
    const takenOver = Promise.withResolvers<void>();
    let admin: Admin | undefined;
    let following: Following | undefined;
    try {
      if (setup !== undefined) {
        const { serveServerAdmin } = await import("./server_admin.ts");
        admin = await serveServerAdmin(server, setup, context, takenOver.resolve);
      }
      following = context.followSettings({
        // The policy of that name looks at its file itself.
        watched: ({ credential }) => credential === "token-file" ? [] : ["token-file"],
        runtime,
        async apply(settings) {
          const nextTls = await tlsServerOf(settings, autoPlace);
          await using undoing = new AsyncDisposableStack();
          const nextLog = await accessLog.prepare(settings);
          undoing.defer(() => nextLog.undo());
          const next = await readServerConfig(settings, runtime, nextTls);
          undoing.defer(() => next.credentialPolicy.close?.());
          await server.apply(next);
          // Nothing below can fail.
          undoing.move();
          nextLog.commit();
          if (tracer !== undefined) tracer.share = traceShareOf(settings.values);
          const before = credentialPolicy;
          credentialPolicy = next.credentialPolicy;
          await before.close?.();
        },
      });
      // Without either a SIGHUP means what it does to any program.
      if (values["access-log"] !== undefined || values.config !== undefined) {
        cleanup.defer(context.onHangup?.(() => void accessLog.log.reopen()) ?? (() => {}));
      }
      await context.giveUpRights?.(rightsOf(values, config));
      await Promise.race([aborted(signal), takenOver.promise.then(() => admin?.close())]);
    } finally {
      await following?.close();
      runtime.log.info("server.stopping", "Stopping: work in flight may end", {
        "drain_timeout_ms": server.config.drainTimeoutMs,
      });
      await server.close();
      await admin?.close();
    }
    return EXIT.ok;
  },
});

/**
 * What a server does once it listens. Without a settings file, an admin endpoint, frontends of
 * agents, datagrams or a service that it asks, it opens no connection and no further listener by
 * itself: it can dial nobody any more.
 */
function rightsOf(values: OptionValues<typeof SERVER_OPTIONS>, config: ServerConfig): Right[] {
  const hasReload = values.config !== undefined || values.admin !== undefined;
  const isExposing = values["allow-expose"].length > 0;
  // Each datagram that is sent is a right of its own to the runtime.
  const hasUdp = config.frontends.some(({ scheme }) => scheme === "udp");
  const isAsking = values.credential === "webhook" || /^https?:/.test(values["jwt-keys"] ?? "");
  const addresses = [...config.tunnels, ...config.frontends.map(({ address }) => address)];
  // A listener on a Unix socket is a file, which goes with it.
  const hasUnix = addresses.some(({ kind }) => kind === "unix") || values.admin !== undefined;
  // Renewed certificates are read as they come.
  const hasTls = config.tunnelTls !== undefined || config.frontendTls !== undefined;
  const hasUsers = config.frontends.some(({ options = [] }) => options.length > 0);
  const hasFiles = hasTls || hasUsers ||
    [values["token-file"], values["jwt-keys"]].some((file) => file !== undefined);
  return rightsFor({
    net: hasReload || isAsking || isExposing || hasUdp,
    read: hasReload || hasFiles || hasUnix,
    // Uses of tokens are noted beside them, certificates of our own are made anew.
    write: hasReload || hasFiles || hasUnix || values["access-log"] !== undefined,
  });
}

/** Where what a program has to keep belongs: XDG Base Directory Specification. */
function stateDir(): string | undefined {
  const base = Deno.env.get("XDG_STATE_HOME") ??
    (Deno.env.get("HOME") && `${Deno.env.get("HOME")}/.local/state`);
  return base === undefined || base === "" ? undefined : `${base}/revtun`;
}

/** @throws {ConfigError} a takeover finds the running server by its admin endpoint. */
function portSharingOf(
  { values, sourceOf }: Settings<OptionValues<typeof SERVER_OPTIONS>>,
  setup: AdminSetup | undefined,
): PortSharing {
  // Elsewhere the connections of two listeners on one port do not reach both, or they cannot be.
  const isShareable = Deno.build.os === "linux";
  if (values.takeover && !isShareable) {
    throw new ConfigError(sourceOf("takeover"), `is for Linux, this is ${Deno.build.os}`);
  }
  if (setup !== undefined) return values.takeover ? "join" : isShareable ? "later" : "none";
  if (!values.takeover) return "none";
  throw new ConfigError(
    sourceOf("takeover"),
    "the running server is found by its admin endpoint: give --admin ADDRESS as it has it",
  );
}

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

/** Reads an address to listen on: `:PORT` is all addresses. @throws {RangeError} */
function parseListenAddress(text: string): Address {
  return parseAddress(text, { host: "" });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
