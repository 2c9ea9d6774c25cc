/**
 * How a running server hands over to the next process on the same ports. The next one asks, in this
 * order, by the admin endpoint:
 *
 * 1. `begin`: may it take over, who is connected, what have operators and agents set?
 * 2. it listens for agents on the shared port;
 * 3. `agents`: this one stops listening for agents and asks those that are here for a replacement
 *    of their connections, which only the next one can be; they serve this one as before;
 * 4. once they are there, the next one listens for clients on the shared ports;
 * 5. `finish`: this one stops as ever: its clients end with their next answer. What operators have
 *    set since goes along.
 *
 * If the next one is silent for too long in between, this one goes on as if nothing had been.
 */
import { formatAddress } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { Host } from "../server/host.ts";
import type { NamedOverride } from "../server/host_overrides.ts";
import type { ListenSpec } from "../server/listen_spec.ts";
import type { RunningServer } from "../server/server.ts";
import type { Timer } from "../timer.ts";
import type { AdminRoute } from "./admin_route.ts";
import { Problem } from "./problem.ts";

/** How long the next process may take from one step to the next. */
const STEP_TIMEOUT_MS = 30_000;

/** What the next process has to know. */
export interface Estate {
  /** Hosts that are to come over, as "cluster/host". */
  readonly hosts: readonly string[];
  /** Frontends that those hosts have asked for, and the identities that did. */
  readonly exposures: readonly { readonly frontend: string; readonly identities: string[] }[];
  /** Drains and weights of operators. */
  readonly overrides: readonly NamedOverride[];
}

/** The old server's side. */
export class Takeover {
  readonly #server: RunningServer;
  readonly #runtime: Runtime;
  readonly #onFinish: () => void;
  #step: "idle" | "begun" | "agents" | "finished" = "idle";
  #deadline: Timer | undefined;

  /** @param onFinish is to stop the server, and the admin endpoint before it. */
  constructor(server: RunningServer, runtime: Runtime, onFinish: () => void) {
    this.#server = server;
    this.#runtime = runtime;
    this.#onFinish = onFinish;
  }

  /**
   * First step.
   *
   * @param addresses where the next process listens, agents and clients.
   * @throws {Problem} 409 if it cannot be.
   */
  begin(addresses: { tunnels: string; frontends: string }): Estate {
    if (this.#server.isClosing) throw new Problem(409, "This server stops already");
    if (this.#step !== "idle") throw new Problem(409, "Another process is taking over already");
    if (this.#server.config.portSharing === "none") {
      throw new Problem(409, "This server's ports cannot be shared: it was not started for it");
    }
    const { tunnelAddresses, frontends, registry, exposures } = this.#server;
    compare("tunnel", tunnelAddresses.map(formatAddress), addresses.tunnels);
    const own = frontends.frontends.map(({ spec, address }) => placeOf({ ...spec, address }));
    compare("frontend", own, addresses.frontends);
    this.#enter("begun");
    this.#runtime.log.info("takeover.begun", "Another process is about to take over");
    const hosts = [...registry.clusters.values()].flatMap((cluster) =>
      [...cluster.hosts.values()].filter(isAskable)
    );
    return {
      hosts: hosts.map((host) => `${host.cluster}/${host.hostName}`),
      exposures: [...exposures.list].map((exposure) => ({
        frontend: exposure.url,
        identities: [...exposure.hosts].filter(isAskable).map(({ identity }) => identity),
      })).filter(({ identities }) => identities.length > 0),
      overrides: registry.overrides.list(),
    };
  }

  /** The next process listens for agents. @throws {Problem} */
  async agents(): Promise<void> {
    this.#expect("begun");
    this.#enter("agents");
    await this.#server.handOverTunnels();
  }

  /** The next process listens for clients. @throws {Problem} */
  finish(): Pick<Estate, "overrides"> {
    this.#expect("agents");
    this.#step = "finished";
    this.#deadline?.cancel();
    this.#runtime.log.info("takeover.finished", "Another process has taken over: stopping");
    this.#onFinish();
    return { overrides: this.#server.registry.overrides.list() };
  }

  /** The next process gives up. */
  abort(): void {
    if (this.#step === "idle" || this.#step === "finished") return;
    this.#goOn("the next process gave up");
  }

  close(): void {
    this.#deadline?.cancel();
  }

  #expect(step: string): void {
    if (this.#step === step) return;
    throw new Problem(409, "No takeover is at this step: it took too long, or was never begun");
  }

  #enter(step: "begun" | "agents"): void {
    this.#step = step;
    this.#deadline ??= this.#runtime.timers.after(
      STEP_TIMEOUT_MS,
      () => this.#goOn(`the next process was silent for ${STEP_TIMEOUT_MS / 1000} s`),
    );
    this.#deadline.restart(STEP_TIMEOUT_MS);
  }

  #goOn(reason: string): void {
    this.#step = "idle";
    this.#deadline?.cancel();
    this.#runtime.log.error("takeover.failed", `The takeover failed, going on: ${reason}`);
    this.#server.listenAgain().catch((error) => {
      this.#runtime.log.error("server.deaf", `Somebody cannot connect any more: ${error.message}`);
    });
  }
}

/** Where a frontend listens, as both processes name it: UDP and TCP have ports of their own. */
export function placeOf({ scheme, address }: ListenSpec): string {
  return `${scheme === "udp" ? "udp://" : ""}${formatAddress(address)}`;
}

/** @throws {Problem} 409 */
function compare(kind: string, own: readonly string[], theirs: string): void {
  const others = new Set(theirs.split(" "));
  const missing = own.filter((address) => !others.has(address));
  if (missing.length === 0) return;
  throw new Problem(
    409,
    `The new server does not listen on every ${kind} address of this one: ${missing.join(", ")}`,
  );
}

/** A MOSN agent cannot be asked: it comes over when its connection is closed. */
function isAskable({ connections }: Host): boolean {
  return connections.some(({ mode }) => mode === "mux");
}

/** Endpoints that the next process calls. */
export const TAKEOVER_ROUTES: readonly AdminRoute<{ readonly takeover: Takeover }>[] = [
  {
    method: "POST",
    path: "/api/v1/takeover/begin",
    summary: "First step of `revtun server --takeover`: may it, and what is to come over?",
    body: { tunnels: "string", frontends: "string" },
    handle: ({ body }, { takeover }) =>
      takeover.begin(body as { tunnels: string; frontends: string }),
  },
  {
    method: "POST",
    path: "/api/v1/takeover/agents",
    summary: "Second step: agents are asked to dial the next process",
    handle: (_, { takeover }) => takeover.agents(),
  },
  {
    method: "POST",
    path: "/api/v1/takeover/finish",
    summary: "Last step: this server stops",
    handle: (_, { takeover }) => takeover.finish(),
  },
  {
    method: "POST",
    path: "/api/v1/takeover/abort",
    summary: "The next process gives up: this server goes on",
    handle: (_, { takeover }) => takeover.abort(),
  },
];
