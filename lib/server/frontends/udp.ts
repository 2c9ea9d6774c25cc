/** `udp://`: passes datagrams; each client address gets a stream of its own while it talks. */
import { parseDuration } from "../../duration.ts";
import { listenDatagrams } from "../../transport/datagram_socket.ts";
import type { ListenSpec } from "../listen_spec.ts";
import { withAllowed } from "./door.ts";
import type { FrontendKind } from "./frontend.ts";
import { joinTarget } from "./join_target.ts";
import { optionOf, optionsOf } from "./options.ts";
import { AddressList } from "../../address_list.ts";

/** A client is forgotten after this long without a datagram either way; rathole has as much. */
const DEFAULT_IDLE_MS = 60_000;

export const UDP_KIND: FrontendKind = {
  needsCluster: true,
  options: ["allow", "idle"],
  check(spec) {
    if (spec.address.kind === "unix") throw new RangeError("udp:// needs host:port");
    new AddressList(optionsOf(spec, "allow"));
    idleMsOf(spec);
  },
  listen: (address, runtime, { onConnection, sharing }, { stats }) =>
    listenDatagrams(address, runtime, {
      onConnection,
      sharing,
      onDropped: () => stats.datagramsDropped += 1,
    }),
  make(spec, services) {
    const { cluster = "", target, hostIds } = spec;
    const idleMs = idleMsOf(spec);
    return withAllowed(spec, services, {
      serve: (client) =>
        joinTarget(client, { cluster, target, hostIds, network: "udp" }, services, {
          idleTimeoutMs: idleMs,
        }),
      drain() {},
      close() {},
    });
  },
};

/** @throws {RangeError} fit to be shown behind `--listen`. */
function idleMsOf(spec: ListenSpec): number {
  const text = optionOf(spec, "idle");
  if (text === undefined) return DEFAULT_IDLE_MS;
  const ms = parseDuration(text);
  if (ms < 1) throw new RangeError("idle= is how long a client is remembered, e.g. idle=60s");
  return ms;
}
