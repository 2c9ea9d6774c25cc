/** A server's frontends, which come and go one by one while it runs. */
import type { Address } from "../address.ts";
import { formatAddress } from "../address.ts";
import { ListenError } from "../errors.ts";
import { LiveStreams } from "../live_streams.ts";
import type { LiveStream, StreamIds } from "../live_streams.ts";
import { listen } from "../transport/listen.ts";
import { clearSocketPath } from "../transport/socket_path.ts";
import type { ServerConfig } from "./config.ts";
import { ipOf } from "./raw_farewells.ts";
import type {
  AcceptedClient,
  CommonServices,
  FrontendKind,
  FrontendServices,
} from "./frontends/frontend.ts";
import { FRONTEND_KINDS } from "./frontends/kinds.ts";
import type { HttpRouting } from "./http_routing.ts";
import { Tally } from "./limits.ts";
import type { LimitName } from "./limits.ts";
import { formatListenSpec } from "./listen_spec.ts";
import type { ListenSpec } from "./listen_spec.ts";
import { OpenFrontend } from "./open_frontend.ts";
import type { Port } from "./open_frontend.ts";

/** Who wanted a frontend, unless something else is said. */
const SETTINGS = "settings";

/** Where clients come in. Its changes are made one after the other. */
export class FrontendSet {
  readonly #services: CommonServices;
  readonly #streamIds: StreamIds;
  /** In the order of their coming. */
  readonly #open: OpenFrontend[] = [];
  /** Taken out; their last clients may still be there. */
  readonly #leaving = new Set<OpenFrontend>();
  readonly #clientsByIp = new Tally();
  #clientCount = 0;
  #lastChange: Promise<unknown> = Promise.resolve();
  #isClosing = false;

  constructor(services: CommonServices, streamIds: StreamIds) {
    this.#services = services;
    this.#streamIds = streamIds;
  }

  /** What its HTTP frontends have in common. */
  get routing(): HttpRouting {
    return this.#services.routing;
  }

  /** Connections of clients now. */
  get clientCount(): number {
    return this.#clientCount;
  }

  /** Those that are open, in the order of their coming. */
  get frontends(): readonly OpenFrontend[] {
    return this.#open;
  }

  /** What clients have under way, with the frontend that each of it came in by. */
  *streams(): Iterable<{ frontend: OpenFrontend; stream: LiveStream }> {
    for (const frontend of [...this.#open, ...this.#leaving]) {
      for (const stream of frontend.streams) yield { frontend, stream };
    }
  }

  /** Where clients come in, with actual ports, in the order of their coming. */
  get addresses(): Address[] {
    return this.#open.map((frontend) => frontend.address);
  }

  /**
   * Opens one more.
   *
   * @param origin who wants it: those of others than the settings are no affair of `replace()`.
   * @returns where it listens, with the actual port.
   * @throws {ListenError} as a rejection: its address cannot be listened on; all else is as it was.
   */
  add(spec: ListenSpec, origin = SETTINGS): Promise<Address> {
    return this.#inTurn(async () => {
      const frontend = this.#make(spec, origin);
      frontend.port = await this.#listen(frontend);
      this.#open.push(frontend);
      this.#logOpened(frontend);
      return frontend.address;
    });
  }

  /**
   * Takes one out: nobody comes in any more, work under way is given `drainTimeoutMs` to end.
   * Resolves when its last client has left; with false, at once, if there is no such frontend.
   */
  async remove(spec: ListenSpec, origin = SETTINGS): Promise<boolean> {
    const name = formatListenSpec(spec);
    const removed = await this.#inTurn(() => {
      const index = this.#open.findIndex((frontend) =>
        frontend.origin === origin && formatListenSpec(frontend.spec) === name
      );
      return Promise.resolve(index === -1 ? undefined : this.#open.splice(index, 1)[0]);
    });
    if (removed !== undefined) await this.#leave(removed);
    return removed !== undefined;
  }

  /**
   * Opens and takes out what it needs until those of the settings are exactly `specs`; what is there
   * already is left alone, and a listener whose address stays passes on without a gap.
   *
   * @throws {ListenError} as a rejection: an address cannot be listened on; all is as it was.
   */
  replace(specs: readonly ListenSpec[]): Promise<void> {
    return this.#inTurn(() => this.#replace(specs));
  }

  async #replace(specs: readonly ListenSpec[]): Promise<void> {
    const others = this.#open.filter((frontend) => frontend.origin !== SETTINGS);
    const leaving = this.#open.filter((frontend) => frontend.origin === SETTINGS);
    const next = specs.map((spec) => {
      const name = formatListenSpec(spec);
      const kept = leaving.findIndex((frontend) => formatListenSpec(frontend.spec) === name);
      return kept === -1 ? this.#make(spec, SETTINGS) : leaving.splice(kept, 1)[0]!;
    });
    const added = next.filter((frontend) => frontend.port === undefined);
    /** Those that take over a listener, and from whom. */
    const heirs = new Map<OpenFrontend, OpenFrontend>();
    for (const old of leaving) {
      const heir = added.find((frontend) =>
        !heirs.has(frontend) && isSamePort(old.spec, frontend.spec)
      );
      if (heir !== undefined) heirs.set(heir, old);
    }
    const inherited = new Set(heirs.values());
    await this.#listenAll(added.filter((frontend) => !heirs.has(frontend)), {
      without: leaving.filter((frontend) => !inherited.has(frontend)),
    });
    for (const [heir, old] of heirs) {
      heir.port = old.port;
      heir.port!.owner = heir;
      old.port = undefined;
    }
    this.#open.splice(0, this.#open.length, ...next, ...others);
    for (const frontend of added) this.#logOpened(frontend);
    for (const frontend of leaving) void this.#leave(frontend);
  }

  /** Goes by other settings from now on; which frontends there are is for {@link replace}. */
  configure(config: ServerConfig): void {
    for (const frontend of this.#open) frontend.configure(config);
  }

  /** Takes who waits to be accepted; resolves with their number. */
  async drainQueues(): Promise<number> {
    const counts = await Promise.all(
      this.#open.map(({ port }) => port?.listener?.drainQueue?.() ?? 0),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Listens at paths again that another process took. @throws {ListenError} */
  reclaim(): void {
    for (const { port } of this.#open) port?.listener?.reclaim?.();
  }

  /** Lets nobody in any more, and opens no more. */
  stopListening(): Promise<void> {
    this.#isClosing = true;
    return this.#inTurn(async () => {
      await Promise.all(this.#open.map((frontend) => frontend.stopListening()));
    });
  }

  /**
   * Lets what is under way end: HTTP clients get `Connection: close` with their next answer, TCP
   * clients end by themselves. Resolves when no client is left.
   */
  async drain(): Promise<void> {
    await Promise.all([...this.#open, ...this.#leaving].map((frontend) => frontend.drain()));
  }

  /** Closes every client. */
  close(): void {
    for (const frontend of [...this.#open, ...this.#leaving]) frontend.close();
  }

  /** Runs `work` when all changes that were asked for before are made. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(work);
    this.#lastChange = done.catch(() => {});
    return done;
  }

  #make(spec: ListenSpec, origin: string): OpenFrontend {
    const { config, runtime } = this.#services;
    const kind: FrontendKind = FRONTEND_KINDS[spec.scheme];
    const streams = new LiveStreams(this.#streamIds);
    // Some of what is common changes while it is in use: it is looked up there.
    const services = Object.create(this.#services, {
      streams: { value: streams },
      frontendName: { value: formatListenSpec(spec) },
    });
    const frontend = new OpenFrontend(
      { spec, origin, streams, runtime },
      kind.make(spec, services as FrontendServices),
    );
    frontend.limit(config.frontendBytesPerSecond);
    return frontend;
  }

  async #listen(owner: OpenFrontend): Promise<Port> {
    const { address } = owner.spec;
    const { runtime, config } = this.#services;
    if (this.#isClosing) throw new ListenError(formatAddress(address), "the server is stopping");
    // The listener may have clients before the port has it.
    const port: Port = { owner, listener: undefined };
    const options = {
      onConnection: (client: AcceptedClient) => this.#accept(client, port.owner),
      sharing: config.portSharing,
      room: () => this.#services.config.maxFrontendConnections - this.#clientCount,
    };
    await clearSocketPath(address, config.portSharing);
    port.listener = await listenOf(owner.spec)(address, runtime, options, this.#services);
    return port;
  }

  /** Opens all or none. Those in `without` are to go: their addresses may be taken. */
  async #listenAll(
    frontends: readonly OpenFrontend[],
    { without }: { without: readonly OpenFrontend[] },
  ): Promise<void> {
    const stopped: OpenFrontend[] = [];
    try {
      for (const frontend of frontends) {
        const { address } = frontend.spec;
        const inTheWay = without.filter((old) => isSameAddress(old.spec.address, address));
        stopped.push(...inTheWay);
        await Promise.all(inTheWay.map((old) => old.stopListening()));
        frontend.port = await this.#listen(frontend);
      }
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      await Promise.all(frontends.map((frontend) => frontend.stopListening()));
      for (const frontend of stopped) frontend.port = await this.#listen(frontend);
      throw error;
    }
  }

  async #leave(frontend: OpenFrontend): Promise<void> {
    const { runtime, config } = this.#services;
    this.#leaving.add(frontend);
    runtime.log.info("frontend.leaving", "No new clients; work under way may end", {
      frontend: formatListenSpec(frontend.spec),
      clients: frontend.clientCount,
    });
    await frontend.stopListening();
    const deadline = runtime.timers.after(config.drainTimeoutMs, () => frontend.close());
    await frontend.drain();
    deadline.cancel();
    frontend.close();
    this.#leaving.delete(frontend);
  }

  #accept(client: AcceptedClient, frontend: OpenFrontend): void {
    const { stats, limits } = this.#services;
    const ip = ipOf(client.remote);
    const limit = this.#limitFor(ip);
    if (limit !== undefined) {
      stats.frontendRefused += 1;
      limits.reached(limit, "Closed a client's connection unread", {
        remote: ip,
        frontend: formatListenSpec(frontend.spec),
      });
      client.close();
      return;
    }
    stats.frontendConnections += 1;
    this.#clientCount += 1;
    this.#clientsByIp.add(ip);
    const seat = frontend.seat(client);
    client.onClosed = () => {
      this.#clientCount -= 1;
      this.#clientsByIp.remove(ip);
      frontend.leave(seat);
    };
    frontend.serve(client);
  }

  /** The limit that keeps one more client of `ip` out. */
  #limitFor(ip: string): LimitName | undefined {
    const { maxFrontendConnections, maxFrontendConnectionsPerAddress } = this.#services.config;
    if (ip !== "unix" && this.#clientsByIp.of(ip) >= maxFrontendConnectionsPerAddress) {
      return "clientsPerAddress";
    }
    return this.#clientCount < maxFrontendConnections ? undefined : "clients";
  }

  #logOpened(frontend: OpenFrontend): void {
    const { spec, address } = frontend;
    this.#services.runtime.log.info("frontend.listening", "Clients may connect", {
      frontend: formatListenSpec({ ...spec, address }),
    });
  }
}

/** How the clients of `spec` come in. */
function listenOf(spec: ListenSpec): NonNullable<FrontendKind["listen"]> {
  const kind: FrontendKind = FRONTEND_KINDS[spec.scheme];
  return kind.listensPlain?.(spec) === true ? listen : kind.listen ?? listen;
}

function isSameAddress(a: Address, b: Address): boolean {
  if (a.kind === "unix" || b.kind === "unix") {
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  }
  return a.host === b.host && a.port === b.port;
}

/** The listener of one can serve the other. */
function isSamePort(a: ListenSpec, b: ListenSpec): boolean {
  return isSameAddress(a.address, b.address) && listenOf(a) === listenOf(b);
}
