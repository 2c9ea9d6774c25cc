/**
 * How a running server hands over to the next process on the same ports. The next one asks, in this
 * order, by the admin endpoint:
 *
 * 1. `begin`: may it take over, and who is connected?
 * 2. it listens for agents on the shared port;
 * 3. `agents`: this one stops listening for agents and asks those that are here for a replacement
 *    of their connections, which only the next one can be; they serve this one as before;
 * 4. once they are there, the next one listens for clients on the shared ports;
 * 5. `finish`: this one stops as ever: its clients end with their next answer.
 *
 * If the next one is silent for too long in between, this one goes on as if nothing had been.
 */
import { formatAddress } from "../address.ts";
import type { Address } from "../address.ts";
import type { Runtime } from "../runtime.ts";
import type { RunningServer } from "../server/server.ts";
import type { Timer } from "../timer.ts";
import type { AdminRoute } from "./admin_route.ts";
import { Problem } from "./problem.ts";

/** How long the next process may take from one step to the next. */
const STEP_TIMEOUT_MS = 30_000;

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
   * @returns hosts that are to come over, as "cluster/host".
   * @throws {Problem} 409 if it cannot be.
   */
  begin(addresses: { tunnels: string; frontends: string }): { hosts: string[] } {
    if (this.#server.isClosing) throw new Problem(409, "This server stops already");
    if (this.#step !== "idle") throw new Problem(409, "Another process is taking over already");
    if (this.#server.config.portSharing === "none") {
      throw new Problem(409, "This server's ports cannot be shared: it was not started for it");
    }
    this.#compare("tunnel", this.#server.tunnelAddresses, addresses.tunnels);
    this.#compare("frontend", this.#server.frontendAddresses, addresses.frontends);
    this.#enter("begun");
    this.#runtime.log.info("takeover.begun", "Another process is about to take over");
    const hosts = [...this.#server.registry.clusters.values()].flatMap((cluster) =>
      [...cluster.hosts.values()].filter((host) => host.connections.some(isAskable))
        .map((host) => `${host.cluster}/${host.hostName}`)
    );
    return { hosts };
  }

  /** The next process listens for agents. @throws {Problem} */
  async agents(): Promise<void> {
    this.#expect("begun");
    this.#enter("agents");
    await this.#server.handOverTunnels();
  }

  /** The next process listens for clients. @throws {Problem} */
  finish(): void {
    this.#expect("agents");
    this.#step = "finished";
    this.#deadline?.cancel();
    this.#runtime.log.info("takeover.finished", "Another process has taken over: stopping");
    this.#onFinish();
  }

  /** The next process gives up. */
  abort(): void {
    if (this.#step === "idle" || this.#step === "finished") return;
    this.#goOn("the next process gave up");
  }

  close(): void {
    this.#deadline?.cancel();
  }

  #compare(kind: string, own: readonly Address[], theirs: string): void {
    const others = new Set(theirs.split(" "));
    const missing = own.map(formatAddress).filter((address) => !others.has(address));
    if (missing.length === 0) return;
    throw new Problem(
      409,
      `The new server does not listen on every ${kind} address of this one: ${missing.join(", ")}`,
    );
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
    const isDeaf = this.#step === "agents";
    this.#step = "idle";
    this.#deadline?.cancel();
    this.#runtime.log.error("takeover.failed", `The takeover failed, going on: ${reason}`);
    if (!isDeaf) return;
    this.#server.listenForAgents().catch((error) => {
      this.#runtime.log.error("tunnel.deaf", `No agent can connect any more: ${error.message}`);
    });
  }
}

/** A MOSN agent cannot be asked: it comes over when its connection is closed. */
function isAskable(connection: { mode: string }): boolean {
  return connection.mode === "mux";
}

/** Endpoints that the next process calls. */
export const TAKEOVER_ROUTES: readonly AdminRoute<{ readonly takeover: Takeover }>[] = [
  {
    method: "POST",
    path: "/api/v1/takeover/begin",
    summary: "First step of `revtun server --takeover`: may it, and who is to come over?",
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
