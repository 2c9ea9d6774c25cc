/** A server's frontends, which come and go one by one while it runs. */
import type { Address } from "../address.ts";
import { ListenError } from "../errors.ts";
import { listen } from "../transport/listen.ts";
import type { AcceptedClient, FrontendKind, FrontendServices } from "./frontends/frontend.ts";
import { FRONTEND_KINDS } from "./frontends/kinds.ts";
import type { HttpRouting } from "./http_routing.ts";
import { formatListenSpec } from "./listen_spec.ts";
import type { ListenSpec } from "./listen_spec.ts";
import { OpenFrontend } from "./open_frontend.ts";
import type { Port } from "./open_frontend.ts";

/** Where clients come in. */
export class FrontendSet {
  readonly #services: FrontendServices;
  /** In the order of their coming. */
  readonly #open: OpenFrontend[] = [];
  /** Taken out; their last clients may still be there. */
  readonly #leaving = new Set<OpenFrontend>();
  #clientCount = 0;

  constructor(services: FrontendServices) {
    this.#services = services;
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

  /** Where clients come in, with actual ports, in the order of their coming. */
  get addresses(): Address[] {
    return this.#open.map((frontend) => frontend.address);
  }

  /**
   * Opens one more.
   *
   * @returns where it listens, with the actual port.
   * @throws {ListenError} its address cannot be listened on; all else is as it was.
   */
  async add(spec: ListenSpec): Promise<Address> {
    const frontend = this.#make(spec);
    frontend.port = await this.#listen(frontend);
    this.#open.push(frontend);
    this.#logOpened(frontend);
    return frontend.address;
  }

  /**
   * Takes one out: nobody comes in any more, work under way is given `drainTimeoutMs` to end.
   * Resolves when its last client has left; with false, at once, if there is no such frontend.
   */
  async remove(spec: ListenSpec): Promise<boolean> {
    const name = formatListenSpec(spec);
    const index = this.#open.findIndex((frontend) => formatListenSpec(frontend.spec) === name);
    if (index === -1) return false;
    await this.#leave(this.#open.splice(index, 1)[0]!);
    return true;
  }

  /**
   * Opens and takes out what it needs until there are exactly those of `specs`; what is there
   * already is left alone, and a listener whose address stays passes on without a gap.
   *
   * @throws {ListenError} an address cannot be listened on; all is as it was then.
   */
  async replace(specs: readonly ListenSpec[]): Promise<void> {
    const leaving = [...this.#open];
    const next = specs.map((spec) => {
      const name = formatListenSpec(spec);
      const kept = leaving.findIndex((frontend) => formatListenSpec(frontend.spec) === name);
      return kept === -1 ? this.#make(spec) : leaving.splice(kept, 1)[0]!;
    });
    const added = next.filter((frontend) => frontend.port === undefined);
    const handed = new Map<OpenFrontend, OpenFrontend>();
    for (const frontend of added) {
      const before = leaving.find((old) => !handed.has(old) && isSamePort(old.spec, frontend.spec));
      if (before !== undefined) handed.set(before, frontend);
    }
    await this.#listenAll(added.filter((frontend) => ![...handed.values()].includes(frontend)), {
      without: leaving.filter((frontend) => !handed.has(frontend)),
    });
    for (const [before, after] of handed) {
      after.port = before.port;
      after.port!.owner = after;
      before.port = undefined;
    }
    this.#open.splice(0, this.#open.length, ...next);
    for (const frontend of added) this.#logOpened(frontend);
    for (const frontend of leaving) void this.#leave(frontend);
  }

  async stopListening(): Promise<void> {
    await Promise.all(this.#open.map((frontend) => frontend.stopListening()));
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

  #make(spec: ListenSpec): OpenFrontend {
    return new OpenFrontend(spec, FRONTEND_KINDS[spec.scheme].make(spec, this.#services));
  }

  async #listen(owner: OpenFrontend): Promise<Port> {
    const { scheme, address } = owner.spec;
    const kind: FrontendKind = FRONTEND_KINDS[scheme];
    // The listener may have clients before this has it.
    const shared = { owner };
    const { runtime, config } = this.#services;
    const options = {
      onConnection: (client: AcceptedClient) => this.#accept(client, shared),
      sharing: config.portSharing,
    };
    const listener = await (kind.listen ?? listen)(address, runtime, options, this.#services);
    return Object.assign(shared, { listener });
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

  #accept(client: AcceptedClient, port: Pick<Port, "owner">): void {
    const { config, stats } = this.#services;
    if (this.#clientCount >= config.maxFrontendConnections) {
      stats.frontendRefused += 1;
      client.close();
      return;
    }
    stats.frontendConnections += 1;
    this.#clientCount += 1;
    const frontend = port.owner;
    client.onClosed = () => {
      this.#clientCount -= 1;
      frontend.forget(client);
    };
    frontend.serve(client);
  }

  #logOpened(frontend: OpenFrontend): void {
    const { spec, address } = frontend;
    this.#services.runtime.log.info("frontend.listening", "Clients may connect", {
      frontend: formatListenSpec({ ...spec, address }),
    });
  }
}

function isSameAddress(a: Address, b: Address): boolean {
  if (a.kind === "unix" || b.kind === "unix") {
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  }
  return a.host === b.host && a.port === b.port;
}

/** The listener of one can serve the other. */
function isSamePort(a: ListenSpec, b: ListenSpec): boolean {
  const [kindA, kindB]: FrontendKind[] = [FRONTEND_KINDS[a.scheme], FRONTEND_KINDS[b.scheme]];
  return isSameAddress(a.address, b.address) && kindA!.listen === kindB!.listen;
}
