/** Joins a client with a target: every frontend that passes bytes ends here. */
import { formatAddress } from "../../address.ts";
import { UpstreamError } from "../../upstream.ts";
import type { Upstream, UpstreamRequest } from "../../upstream.ts";
import type { ClientDuplex, FrontendServices } from "./frontend.ts";
import { JoinedClient } from "./joined_client.ts";

/** Where a client's bytes go, as the parts of a request for it. */
export type Place = Pick<
  UpstreamRequest,
  "cluster" | "target" | "hostIds" | "hostName" | "network"
>;

/** Serves one client until it or the target ends. */
export function joinTarget(
  client: ClientDuplex,
  place: Place,
  services: FrontendServices,
  idleTimeoutMs = services.config.idleTimeoutMs,
): void {
  const { upstreams, runtime, config } = services;
  const joined = new JoinedClient(client, place, services);
  const join = (upstream: Upstream) => {
    // A client that left while it waited has no use for it any more.
    if (client.isClosed) {
      joined.ended();
      return upstream.release(false);
    }
    joined.found(upstream);
    joined.join(upstream, idleTimeoutMs, (error) => {
      if (error === undefined) return;
      runtime.log.debug("frontend.closed", error.message, factsOf(client, place));
    });
  };
  const refuse = (error: unknown) => {
    joined.ended();
    if (!(error instanceof UpstreamError)) throw error;
    runtime.log.debug("frontend.refused", error.message, factsOf(client, place));
    client.close(error);
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

function factsOf(client: ClientDuplex, { cluster, target }: Place) {
  return { client: formatAddress(client.remote), cluster, target };
}
