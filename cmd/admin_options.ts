/** The admin endpoint of `server` and `agent`: its options, and its start. */
import { formatAddress, isLoopback, parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import type { Admin } from "../lib/admin/admin.ts";
import type { AdminRoute } from "../lib/admin/admin_route.ts";
import type { AdminSource, ConfigView } from "../lib/admin/common_routes.ts";
import { EventStreams } from "../lib/admin/event_stream.ts";
import { parseOrigin } from "../lib/admin/origin.ts";
import { ConfigError } from "../lib/errors.ts";
import { EventRing, keepingLog } from "../lib/event_ring.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Secret } from "../lib/secret.ts";
import type { Context } from "./command.ts";
import type { OptionSpec } from "./option.ts";
import { readSecretFile } from "./read_token.ts";
import { SOFTWARE } from "./software.ts";

export const ADMIN_OPTIONS = [
  {
    name: "admin",
    parse: parseAdminAddress,
    kind: "string",
    placeholder: "ADDRESS",
    isFixed: true,
    description: "Where the admin API is served: 127.0.0.1:9901, unix:/path; off unless given",
    group: "Admin",
  },
  {
    name: "admin-token-file",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    isFixed: true,
    description: "File that holds the admin API's token; needed unless it is on loopback",
    group: "Admin",
  },
  {
    name: "admin-token",
    kind: "string",
    isEnvOnly: true,
    isFixed: true,
    description: "The admin API's token itself",
    group: "Admin",
  },
  {
    name: "admin-origin",
    parse: parseOrigin,
    kind: "list",
    placeholder: "URL",
    isFixed: true,
    description: "Where a proxy in front of the admin endpoint has it: https://admin.example.com",
    group: "Admin",
  },
] as const satisfies readonly OptionSpec[];

/** An admin endpoint that is to be started, checked as far as it can be before. */
export interface AdminSetup {
  readonly address: Address;
  readonly token: Secret | undefined;
  readonly origins: readonly string[];
  readonly events: EventRing;
  /** As given, but its log also keeps what it is told. */
  readonly runtime: Runtime;
}

interface AdminValues {
  readonly admin: string | undefined;
  readonly "admin-token-file": string | undefined;
  readonly "admin-token": string | undefined;
  readonly "admin-origin": readonly string[];
}

/**
 * Reads where the admin endpoint is to be; undefined if there is to be none.
 *
 * @throws {ConfigError} an address off loopback without a token, or a token file that cannot be used.
 */
export async function readAdminSetup(
  context: Pick<Context<AdminValues>, "values" | "sourceOf">,
  runtime: Runtime,
): Promise<AdminSetup | undefined> {
  const { values, sourceOf } = context;
  const token = await readSecretFile(
    { file: values["admin-token-file"], text: values["admin-token"] },
    { file: sourceOf("admin-token-file"), text: sourceOf("admin-token") },
  );
  if (values.admin === undefined) return undefined;
  const source = sourceOf("admin");
  const address = parseAdminAddress(values.admin);
  if (token === undefined && !isLoopback(address)) {
    throw new ConfigError(
      source,
      `${formatAddress(address)} is not on loopback: give --admin-token-file FILE or set ` +
        "REVTUN_ADMIN_TOKEN, or use 127.0.0.1:PORT or unix:/path",
    );
  }
  const events = new EventRing({ firstId: Date.now() });
  const origins = values["admin-origin"].map(parseOrigin);
  return {
    address,
    token,
    origins,
    events,
    runtime: { ...runtime, log: keepingLog(runtime.log, events) },
  };
}

/** @throws {RangeError} */
function parseAdminAddress(text: string): Address {
  return parseAddress(text, { host: "" });
}

/** Starts the endpoint that `setup` asks for, with `routes` over `source`. @throws {ListenError} */
export async function startAdminOf<S extends AdminSource>(
  setup: AdminSetup,
  context: Pick<Context<unknown>, "logControl">,
  routes: readonly AdminRoute<S>[],
  source: Omit<S, keyof AdminSource>,
  configView: () => ConfigView,
): Promise<Admin> {
  const [{ startAdmin }, { consoleAsset }] = await Promise.all([
    import("../lib/admin/admin.ts"),
    import("../lib/admin/web_console.ts"),
  ]);
  const { address, token, origins, events, runtime } = setup;
  const streams = new EventStreams(runtime);
  const common: AdminSource = {
    runtime,
    software: SOFTWARE,
    startedMs: runtime.nowMs(),
    events,
    streams,
    configView,
    get logLevel() {
      return context.logControl.level;
    },
    set logLevel(level) {
      context.logControl.level = level;
    },
  };
  // Not spread: the level's getter has to stay one.
  const whole = Object.assign(common, source) as unknown as S;
  return await startAdmin(address, {
    source: whole,
    routes,
    streams,
    runtime,
    token,
    origins,
    asset: consoleAsset,
  });
}
