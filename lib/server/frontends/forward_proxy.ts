/**
 * What `socks5://` and `connect://` have in common: the client names a destination in an edge
 * network, `host.CLUSTER.revtun:port`, or any `host:port` where the frontend is bound to a cluster.
 * The agent's `--allow` has the last word.
 */
import { formatAddress, isLoopback } from "../../address.ts";
import { UserFile } from "../../auth/user_file.ts";
import { ClosedError, DialError, RevtunError } from "../../errors.ts";
import type { Answer } from "../../http/answer.ts";
import { clusterOfLabel } from "../../http/default_route.ts";
import { parseIp } from "../../ip_network.ts";
import type { Upstream, Upstreams } from "../../upstream.ts";
import type { ListenSpec } from "../listen_spec.ts";
import { checkDoor, DOOR_OPTIONS } from "./door.ts";
import type { FrontendServices } from "./frontend.ts";
import { JoinedClient } from "./joined_client.ts";
import { optionOf } from "./options.ts";
import type { PrereadClient } from "./preread_client.ts";

/** Options of both. */
export const FORWARD_PROXY_OPTIONS = [...DOOR_OPTIONS, "users"] as const;

/** Where a client wants to go. */
export interface Destination {
  readonly cluster: string;
  /** "host:port", as the edge network knows it. */
  readonly destination: string;
}

/** The client names no place that there can be. */
export class DestinationError extends RevtunError {
  override name = "DestinationError";
  readonly reason: "malformed" | "noCluster";

  constructor(reason: DestinationError["reason"], detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** The end of names that say which cluster they are of. */
const SUFFIX = ".revtun";
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i;

/** Looks at the options' values. @throws {RangeError} fit to be shown behind `--listen`. */
export function checkForwardProxy(spec: ListenSpec): void {
  checkDoor(spec);
  if (spec.target !== "") {
    throw new RangeError(`${spec.scheme}:// has no target: its clients name the destination`);
  }
  if (optionOf(spec, "users") !== undefined || isLoopback(spec.address)) return;
  throw new RangeError(
    `${spec.scheme}://${formatAddress(spec.address)} would let anyone into your edge networks: ` +
      "add ?users=FILE (see revtun hash-password), or listen on 127.0.0.1",
  );
}

/** Opens the file of users, if there is one; owned by the frontend. @throws {ConfigError} */
export function openUsers(spec: ListenSpec, { runtime }: FrontendServices): UserFile | undefined {
  const path = optionOf(spec, "users");
  return path === undefined ? undefined : new UserFile(path, "--listen users", runtime);
}

/**
 * Reads where a client wants to go.
 *
 * @param bound the cluster that the frontend is bound to, if it is.
 * @throws {DestinationError}
 */
export function destinationOf(
  host: string,
  port: number,
  bound: string | undefined,
  upstreams: Upstreams,
): Destination {
  if (!(port >= 1 && port <= 65535)) {
    throw new DestinationError("malformed", `port ${port} cannot be dialled`);
  }
  // A name may end in the dot of the root.
  const name = host.replace(/\.$/, "");
  if (!HOST_NAME.test(name) && parseIp(name) === undefined) {
    throw new DestinationError("malformed", `${JSON.stringify(host.slice(0, 100))} is no host`);
  }
  const at = (inside: string) => formatAddress({ kind: "tcp", host: inside, port });
  if (bound !== undefined) return { cluster: bound, destination: at(name) };
  const labels = name.toLowerCase().endsWith(SUFFIX)
    ? name.slice(0, -SUFFIX.length).split(".")
    : [];
  // A cluster's name may have dots of its own.
  for (let first = labels.length - 1; first >= 1; first--) {
    const cluster = clusterOfLabel(labels.slice(first).join("."), upstreams);
    if (cluster !== undefined) {
      return { cluster, destination: at(labels.slice(0, first).join(".")) };
    }
  }
  const detail = labels.length > 1
    ? `"${name}" names no cluster that is known here`
    : `"${name}" does not say in which cluster, expected HOST.CLUSTER${SUFFIX}`;
  throw new DestinationError("noCluster", detail);
}

/** What a client of HTTP is told of a destination that there cannot be. */
export function answerForDestination({ reason, message }: DestinationError): Answer {
  const isMalformed = reason === "malformed";
  return {
    status: isMalformed ? 400 : 404,
    code: isMalformed ? "bad-destination" : "no-cluster",
    hop: "client",
    detail: `${message}.`,
  };
}

/** Learns how it went; one of them is called, once. */
export interface JoinOutcome {
  /** The destination is connected: the last moment to say so before its bytes pass. */
  opened(): void;
  /** @param error an `UpstreamError` or a `DialError`, or whatever ended the stream. */
  failed(error: unknown): void;
}

const LEFT = new ClosedError("peer", "The client left before its destination was connected");

/** Joins a client with its destination once the agent says that it is connected. */
export function joinDestination(
  client: PrereadClient,
  place: Destination,
  services: FrontendServices,
  outcome: JoinOutcome,
): void {
  const { upstreams, config } = services;
  const joined = new JoinedClient(client, place, services);
  let upstream: Upstream | undefined;
  const opened = () => {
    if (client.isClosed) return;
    client.onLeft = undefined;
    outcome.opened();
    joined.join(upstream!, config.idleTimeoutMs, () => {});
  };
  const wait = (found: Upstream) => {
    upstream = found;
    joined.found(found);
    const giveUp = (error?: Error) => {
      joined.ended(error ?? LEFT);
      found.release(false);
    };
    if (client.isClosed) return giveUp();
    client.onLeft = giveUp;
    found.duplex.attach({
      onData() {},
      onEnd() {},
      onDrain() {},
      onClose(error) {
        giveUp(error);
        if (client.isClosed) return;
        outcome.failed(error ?? new DialError(place.destination, "failed", "the agent gave it up"));
      },
    });
  };
  const failed = (error: unknown) => {
    joined.ended(error);
    outcome.failed(error);
  };
  try {
    const found = upstreams.acquire({
      ...place,
      target: "",
      protocol: "tcp",
      source: client.remote,
      waitMs: config.holdMs,
      onOpen: opened,
      traceparent: joined.trace?.traceparent,
    });
    if (found instanceof Promise) found.then(wait, failed);
    else wait(found);
  } catch (error) {
    failed(error);
  }
}
