/** Options of TLS, of servers and of those who dial them. */
import type { Address } from "../lib/address.ts";
import { formatAddress } from "../lib/address.ts";
import { mosnTls } from "../lib/agent/mosn_tls.ts";
import { ConfigError } from "../lib/errors.ts";
import { autoKeyPairFiles } from "../lib/transport/auto_certificate.ts";
import type { CertificateStoreOptions, KeyPairFiles } from "../lib/transport/certificate_store.ts";
import { checkTlsClient, parsePin, readTlsClient } from "../lib/transport/tls_client_files.ts";
import type { TlsClientSettings } from "../lib/transport/tls_client_files.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import { readSetting } from "./read_setting.ts";
import type { Settings } from "./settings.ts";

type SourceOf = Settings<unknown>["sourceOf"];
type ClientValues = OptionValues<typeof TLS_CLIENT_OPTIONS> & {
  /** MOSN's `tls_context`. */
  readonly "tls-context"?: Readonly<Record<string, unknown>> | undefined;
};

/** Options of `agent` and `probe`: whom to trust. */
export const TLS_CLIENT_OPTIONS = [
  {
    name: "tls",
    kind: "boolean",
    description: "Dial the servers inside TLS, as tls://HOST:PORT does",
    group: "TLS",
  },
  {
    name: "tls-ca",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "CAs to trust, in PEM",
    defaultText: "the public ones",
    group: "TLS",
  },
  {
    name: "tls-cert",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Certificate to show to the server, in PEM",
    group: "TLS",
  },
  {
    name: "tls-key",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Its key",
    group: "TLS",
  },
  {
    name: "tls-server-name",
    kind: "string",
    placeholder: "NAME",
    description: "Name that the server's certificate must be for",
    defaultText: "the server's own",
    group: "TLS",
  },
  {
    name: "tls-pin",
    kind: "list",
    placeholder: "sha256:HEX",
    description: "Trust this certificate, and no other",
    group: "TLS",
  },
  {
    name: "tls-insecure",
    kind: "boolean",
    description: "Check nothing: anyone on the way can pose as the server",
    group: "TLS",
  },
] as const satisfies readonly OptionSpec[];

/** Options of `server`: what it shows and asks for. */
export const TLS_SERVER_OPTIONS = [
  {
    name: "tls",
    kind: "string",
    placeholder: "auto",
    choices: ["auto", "off"],
    description: "TLS on the tunnel ports with a certificate made here and kept in --state-dir",
    defaultText: "on with --tls-cert",
    group: "TLS",
  },
  {
    name: "tls-cert",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Certificate of the tunnel ports, in PEM; read anew when it changes",
    group: "TLS",
  },
  {
    name: "tls-key",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Its key",
    group: "TLS",
  },
  {
    name: "tls-client-ca",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Agents must show a certificate of these CAs",
    group: "TLS",
  },
  {
    name: "state-dir",
    isFile: true,
    kind: "string",
    placeholder: "DIR",
    description: "Where --tls auto keeps its certificate",
    defaultText: "~/.local/state/revtun",
    group: "TLS",
  },
  {
    name: "frontend-cert",
    isFile: true,
    kind: "list",
    placeholder: "FILE",
    description: "Certificate of https:// frontends; with several, by the name clients ask for",
    group: "TLS",
  },
  {
    name: "frontend-key",
    isFile: true,
    kind: "list",
    placeholder: "FILE",
    description: "Its key, in the order of the certificates",
    group: "TLS",
  },
  {
    name: "frontend-client-ca",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description: "Clients of https:// frontends must show a certificate of these CAs",
    group: "TLS",
  },
] as const satisfies readonly OptionSpec[];

/**
 * Makes a client's settings; undefined without TLS. Its files are read once, to say early what is
 * wrong with them.
 *
 * @param isAsked a server was written as tls://….
 * @throws {ConfigError}
 */
export async function tlsClientOf(
  { values, sourceOf }: Settings<ClientValues>,
  isAsked: boolean,
): Promise<TlsClientSettings | undefined> {
  const mosn = mosnTls(values["tls-context"], sourceOf("tls-context"));
  if (mosn !== undefined) {
    await readTlsClient(mosn, undefined);
    return mosn;
  }
  if (!values.tls && !isAsked) {
    const given = ["tls-ca", "tls-cert", "tls-key", "tls-server-name"] as const;
    const useless = given.find((name) => values[name] !== undefined) ??
      (values["tls-pin"].length > 0 ? "tls-pin" : undefined) ??
      (values["tls-insecure"] ? "tls-insecure" : undefined);
    if (useless === undefined) return undefined;
    throw new ConfigError(sourceOf(useless), "TLS is off: give --tls too, or dial tls://HOST:PORT");
  }
  const pins = readSetting(sourceOf("tls-pin"), () => values["tls-pin"].map(parsePin));
  const settings = {
    ca: values["tls-ca"],
    keyPair: pairOf(values["tls-cert"], values["tls-key"], sourceOf),
    serverName: values["tls-server-name"],
    pins,
    isInsecure: values["tls-insecure"],
  };
  readSetting(sourceOf("tls-insecure"), () => checkTlsClient(settings));
  await readTlsClient(settings, undefined);
  return settings;
}

/** What a server's options say of TLS. */
export interface TlsServerSettings {
  /** Of the tunnel ports; undefined in the clear. */
  readonly tunnel: CertificateStoreOptions | undefined;
  /** Of https:// frontends; undefined if there is no certificate for them. */
  readonly frontends: CertificateStoreOptions | undefined;
  /** Pin of the certificate that `--tls auto` made; undefined otherwise. */
  readonly pin: string | undefined;
}

/** Where `--tls auto` makes a certificate, and for whom. */
interface AutoPlace {
  readonly machineName: string;
  /** Unless `--state-dir` says so. */
  readonly folder: string | undefined;
}

/**
 * Makes a server's settings, and its certificate where it is to.
 *
 * @param auto undefined to make none.
 * @throws {ConfigError}
 */
export async function tlsServerOf(
  { values, sourceOf }: Settings<OptionValues<typeof TLS_SERVER_OPTIONS>>,
  auto: AutoPlace | undefined,
): Promise<TlsServerSettings> {
  const frontends = frontendPairs(values, sourceOf);
  const clientCa = values["frontend-client-ca"];
  if (clientCa !== undefined && frontends.length === 0) {
    throw new ConfigError(sourceOf("frontend-client-ca"), "needs --frontend-cert as well");
  }
  return {
    ...await tunnelOf(values, sourceOf, auto),
    frontends: frontends.length === 0 ? undefined : { files: frontends, clientCa },
  };
}

/** How an agent is started for a server with a certificate of its own making. */
export function agentLine(
  tunnel: Address,
  machineName: string,
  cluster: string,
  pin: string,
): string {
  const isAnywhere = tunnel.kind === "tcp" && ["", "::", "0.0.0.0"].includes(tunnel.host);
  const place = isAnywhere ? { ...tunnel, host: machineName } : tunnel;
  return `revtun agent --server tls://${formatAddress(place)} --tls-pin sha256:${pin} ` +
    `--cluster ${cluster} --target 127.0.0.1:8000`;
}

async function tunnelOf(
  values: OptionValues<typeof TLS_SERVER_OPTIONS>,
  sourceOf: SourceOf,
  auto: AutoPlace | undefined,
): Promise<Pick<TlsServerSettings, "tunnel" | "pin">> {
  const clientCa = values["tls-client-ca"];
  const given = pairOf(values["tls-cert"], values["tls-key"], sourceOf);
  if (values.tls === "auto") {
    if (given !== undefined) {
      throw new ConfigError(sourceOf("tls"), "auto makes a certificate, and --tls-cert gives one");
    }
    if (auto === undefined) return { tunnel: undefined, pin: undefined };
    const folder = values["state-dir"] ?? auto.folder;
    if (folder === undefined) {
      throw new ConfigError(sourceOf("tls"), "auto needs --state-dir: HOME is not set");
    }
    const { files, fingerprint } = await autoKeyPairFiles(folder, auto.machineName);
    return { tunnel: { files: [files], clientCa }, pin: fingerprint };
  }
  if (given === undefined || values.tls === "off") {
    if (clientCa === undefined) return { tunnel: undefined, pin: undefined };
    throw new ConfigError(
      sourceOf("tls-client-ca"),
      "TLS is off: give --tls-cert or --tls auto too",
    );
  }
  return { tunnel: { files: [given], clientCa }, pin: undefined };
}

function frontendPairs(
  values: OptionValues<typeof TLS_SERVER_OPTIONS>,
  sourceOf: SourceOf,
): KeyPairFiles[] {
  const certs = values["frontend-cert"];
  const keys = values["frontend-key"];
  if (certs.length !== keys.length) {
    const detail = `${certs.length} certificates and ${keys.length} keys, expected one for each`;
    throw new ConfigError(sourceOf("frontend-key"), detail);
  }
  return certs.map((cert, index) => ({ cert, key: keys[index]! }));
}

function pairOf(
  cert: string | undefined,
  key: string | undefined,
  sourceOf: SourceOf,
): KeyPairFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert !== undefined) throw new ConfigError(sourceOf("tls-cert"), "needs --tls-key as well");
  if (key !== undefined) throw new ConfigError(sourceOf("tls-key"), "needs --tls-cert as well");
  return undefined;
}
