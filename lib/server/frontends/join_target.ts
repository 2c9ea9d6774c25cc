/** Joins a client with a target: every frontend that passes bytes ends here. */
import { formatAddress } from "../../address.ts";
import type { SharedBuffer } from "../../buffer.ts";
import type { Runtime } from "../../runtime.ts";
import { ClosedError } from "../../errors.ts";
import { UpstreamError } from "../../upstream.ts";
import type { Upstream, UpstreamRequest } from "../../upstream.ts";
import type { ClientDuplex, FrontendServices } from "./frontend.ts";
import { JoinedClient } from "./joined_client.ts";
import { PrereadClient } from "./preread_client.ts";

/** Where a client's bytes go, as the parts of a request for it. */
export type Place = Pick<
  UpstreamRequest,
  "cluster" | "target" | "hostIds" | "hostName" | "network"
>;

/** What a client said before it was joined, in its read buffer. */
export interface FirstBytes {
  readonly bytes: Uint8Array;
  readonly buffer: SharedBuffer;
}

/** How a client is joined, where that differs from the common way. */
export interface JoinOptions {
  /** Without a byte either way; the server's setting by default. */
  readonly idleTimeoutMs?: number;
  /** What goes first to the target, of a client that is attached to the caller. */
  readonly first?: FirstBytes;
}

const LEFT = new ClosedError("peer", "The client left while it waited for a host");

/** Serves one client until it or the target ends. */
export function joinTarget(
  client: ClientDuplex,
  place: Place,
  services: FrontendServices,
  { idleTimeoutMs = services.config.idleTimeoutMs, first }: JoinOptions = {},
): void {
  const { upstreams, runtime, config } = services;
  const trace = services.watch.connectionBegun(place.network ?? "tcp");
  let found: Upstream | Promise<Upstream>;
  try {
    found = upstreams.acquire({
      ...place,
      protocol: "tcp",
      source: client.remote,
      waitMs: config.holdMs,
      traceparent: trace?.traceparent,
    });
  } catch (error) {
    new JoinedClient(client, place, services, trace).ended(error);
    refuse(client, place, services, error);
    return;
  }
  const isHeld = found instanceof Promise && first !== undefined;
  const joined = new JoinedClient(
    isHeld ? heldClient(client, first, runtime) : client,
    place,
    services,
    trace,
  );
  const join = (upstream: Upstream) => {
    // A client that left while it waited has no use for it any more.
    if (client.isClosed) {
      joined.ended(LEFT);
      return upstream.release(false);
    }
    joined.found(upstream);
    joined.join(upstream, idleTimeoutMs, (error) => {
      if (error === undefined) return;
      runtime.log.debug("frontend.closed", error.message, factsOf(client, place));
    });
  };
  if (found instanceof Promise) {
    found.then(join, (error) => {
      joined.ended(error);
      refuse(client, place, services, error);
    });
    return;
  }
  join(found);
  if (first === undefined) return;
  joined.firstBytes = first.bytes.length;
  if (!found.duplex.write(first.bytes, first.buffer)) client.pause();
}

/** @throws what is no {@link UpstreamError}. */
function refuse(
  client: ClientDuplex,
  place: Place,
  { runtime }: FrontendServices,
  error: unknown,
): void {
  if (!(error instanceof UpstreamError)) throw error;
  runtime.log.debug("frontend.refused", error.message, factsOf(client, place));
  client.close(error);
}

/** The client as somebody who has still to be read, from its first byte on. */
function heldClient(
  client: ClientDuplex,
  { bytes }: FirstBytes,
  { timers }: Runtime,
): ClientDuplex {
  const held = new PrereadClient(client, timers, 0);
  client.attach(held);
  held.hold(bytes);
  return held;
}

function factsOf(client: ClientDuplex, { cluster, target }: Place) {
  return { client: formatAddress(client.remote), cluster, target };
}
