/** `revtun server`. */
import type { Admin } from "../lib/admin/admin.ts";
import { ConfigError } from "../lib/errors.ts";
import type { ServerConfig } from "../lib/server/config.ts";
import { startServer } from "../lib/server/server.ts";
import type { TrafficWatcher } from "../lib/server/traffic_watch.ts";
import type { PortSharing } from "../lib/transport/port_sharing.ts";
import { ServerAccessLog } from "./access_log_options.ts";
import { readAdminSetup } from "./admin_options.ts";
import type { AdminSetup } from "./admin_options.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Following } from "./command.ts";
import { rightsFor } from "./give_up.ts";
import type { Right } from "./give_up.ts";
import type { OptionValues } from "./option.ts";
import type { Settings } from "./settings.ts";
import { agentLine, tlsServerOf } from "./tls_options.ts";
import { takeOver } from "./take_over.ts";
import { openDoorOf, shutDoorOf } from "./server_doors.ts";
import { openTracer, traceShareOf } from "./trace_options.ts";
import { SOFTWARE } from "./software.ts";
import { SERVER_OPTIONS } from "./server_options.ts";
import { readServerConfig } from "./read_server_config.ts";

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
      if (!server.isClosing) {
        runtime.log.info("server.stopping", "Stopping: work in flight may end", {
          "drain_timeout_ms": server.config.drainTimeoutMs,
        });
      }
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

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
