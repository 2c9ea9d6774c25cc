/** `tcp://`: passes bytes; each client gets a stream of its own. */
import { splice } from "../../splice.ts";
import { UpstreamError } from "../../upstream.ts";
import type { Upstream } from "../../upstream.ts";
import type { ClientDuplex, FrontendKind, FrontendServices } from "./frontend.ts";

export const TCP_KIND: FrontendKind = {
  needsCluster: true,
  options: [],
  make({ cluster = "", target }, services) {
    return {
      serve: (client) => serveTcpClient(client, { cluster, target }, services),
      // Its clients end by themselves.
      drain() {},
      close() {},
    };
  },
};

/** Serves one client until it or the target ends. */
function serveTcpClient(
  client: ClientDuplex,
  place: { cluster: string; target: string },
  { upstreams, runtime, config }: FrontendServices,
): void {
  const join = (upstream: Upstream) => {
    // A client that left while it waited has no use for it any more.
    if (client.isClosed) return upstream.release(false);
    splice(client, upstream.duplex, {
      timers: runtime.timers,
      idleTimeoutMs: config.idleTimeoutMs,
      onClose: (error) => {
        upstream.release(false);
        if (error !== undefined) runtime.log.debug("frontend.closed", error.message, place);
      },
    });
  };
  const refuse = (error: unknown) => {
    if (!(error instanceof UpstreamError)) throw error;
    runtime.log.debug("frontend.refused", error.message, place);
    client.close();
  };
  try {
    const upstream = upstreams.acquire({
      ...place,
      protocol: "tcp",
      source: client.remote,
      waitMs: config.holdMs,
    });
    if (upstream instanceof Promise) upstream.then(join, refuse);
    else join(upstream);
  } catch (error) {
    refuse(error);
  }
}
