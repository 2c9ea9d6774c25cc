/** Everything that can be said of a server's settings on its machine. */
import { parseAddress } from "../../lib/address.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { parseListenSpec } from "../../lib/server/listen_spec.ts";
import type { Step } from "../../lib/step.ts";
import type { KeyPairFiles } from "../../lib/transport/certificate_store.ts";
import type { OptionValues } from "../option.ts";
import { readServerConfig } from "../read_server_config.ts";
import { SERVER_OPTIONS } from "../server_options.ts";
import { shutDoorOf } from "../server_doors.ts";
import type { Settings } from "../settings.ts";
import { tlsServerOf } from "../tls_options.ts";
import { checkAdmin } from "./check_admin.ts";
import { checkCertificates } from "./check_certificates.ts";
import { checkFiles } from "./check_files.ts";
import { checkServerFiles } from "./check_machine.ts";
import { checkPorts } from "./check_ports.ts";
import type { NamedPort } from "./check_ports.ts";
import { stepOf } from "./examination.ts";
import { namedFiles } from "./named_files.ts";

type ServerSettings = Settings<OptionValues<typeof SERVER_OPTIONS>>;

/** @param isSound the settings can be used as they are. */
export async function* examineServer(
  settings: ServerSettings,
  isSound: boolean,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { values } = settings;
  yield* checkFiles(namedFiles(SERVER_OPTIONS, settings));
  yield* checkCertificates({
    pairs: pairsOf(values),
    authorities: [values["tls-client-ca"], values["frontend-client-ca"]]
      .filter((path) => path !== undefined),
  });
  const admin = await checkAdmin(settings, signal);
  if (admin !== undefined) yield admin.step;
  yield* checkPorts(portsOf(values), admin?.isRunning ?? false, runtime);
  if (!isSound) return;
  const config = await readServerConfig(settings, runtime, await tlsServerOf(settings, undefined));
  await config.credentialPolicy.close?.();
  const shutDoor = shutDoorOf(config);
  if (shutDoor !== undefined) yield stepOf("clusters", "server", { verdict: "fail", ...shutDoor });
  yield checkServerFiles(config);
}

function pairsOf(values: ServerSettings["values"]): KeyPairFiles[] {
  const pairs = values["frontend-cert"].flatMap((cert, at) => {
    const key = values["frontend-key"][at];
    return key === undefined ? [] : [{ cert, key }];
  });
  const { "tls-cert": cert, "tls-key": key } = values;
  return cert === undefined || key === undefined ? pairs : [{ cert, key }, ...pairs];
}

function portsOf(values: ServerSettings["values"]): NamedPort[] {
  const toListen = (text: string) => parseAddress(text, { host: "" });
  return [
    ...values.listen.map(parseListenSpec).map(({ scheme, address }) => ({
      address,
      isUdp: scheme === "udp",
      purpose: `frontend ${scheme}`,
    })),
    ...values.tunnel.map((text) => ({ address: toListen(text), isUdp: false, purpose: "tunnel" })),
    ...(values.admin === undefined
      ? []
      : [{ address: toListen(values.admin), isUdp: false, purpose: "admin" }]),
  ];
}
