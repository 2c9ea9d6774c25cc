/** Tries the way to a tunnel server step by step, and says what is wrong. Registers nothing. */
import { formatAddress } from "../../address.ts";
import type { Address } from "../../address.ts";
import { CONNECT_STATUS } from "../../codec/message.ts";
import { ClosedError, DialError, HandshakeError } from "../../errors.ts";
import type { Session } from "../../mux/session.ts";
import type { Runtime } from "../../runtime.ts";
import { detailOf, runStep } from "../../step.ts";
import type { Explained, Outcome, Step } from "../../step.ts";
import type { Connection } from "../../transport/connection.ts";
import { dial } from "../../transport/dial.ts";
import { CLEAR_TEXT, isInTheClear } from "../clear_text_watch.ts";
import { dialServer } from "../open_tunnel.ts";
import { Greeting } from "./greeting.ts";
import type { ProbeOptions } from "./probe_options.ts";
import { PROXY_ADVICE, reachProxy } from "./proxy_step.ts";
import { resolveServer } from "./resolve_server.ts";
import { lookCloser } from "./second_look.ts";
import { clockStep, measureSession } from "./session_step.ts";
import { measureThroughput } from "./throughput_step.ts";
import { probeTls } from "./tls_step.ts";

/** Runs a probe; each step is given as soon as it is over. */
export async function* probe(
  options: ProbeOptions,
  runtime: Runtime,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const { server, proxy, timeoutMs } = options;
  const rests: Promise<void>[] = [];
  const [step, addresses] = proxy === undefined || server.kind === "unix"
    ? await resolveServer(server, timeoutMs, runtime)
    : await reachProxy(proxy, server, { timeoutMs, signal, runtime, rests });
  if (step !== undefined) yield step;
  try {
    for (const address of addresses ?? []) {
      if (signal.aborted) return;
      yield* new AddressProbe(address, options, runtime, signal, rests).steps();
    }
  } finally {
    // Attempts to connect that were given up, and go on for a moment.
    await Promise.all(rests);
  }
}

/** One address of a server. */
class AddressProbe {
  readonly #address: Address;
  readonly #name: string;
  readonly #options: ProbeOptions;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  readonly #rests: Promise<void>[];

  /** @param rests gets what is left of dials that were given up. */
  constructor(
    address: Address,
    options: ProbeOptions,
    runtime: Runtime,
    signal: AbortSignal,
    rests: Promise<void>[],
  ) {
    this.#rests = rests;
    this.#address = address;
    this.#name = formatAddress(address);
    this.#options = options;
    this.#runtime = runtime;
    this.#signal = signal;
  }

  async *steps(): AsyncGenerator<Step> {
    const { server, tls, timeoutMs, cluster, proxy } = this.#options;
    const [connected, plain] = await this.#connect();
    yield connected;
    if (plain === undefined) return;
    let socket = plain;
    if (tls !== undefined) {
      plain.close();
      const place = { address: this.#address, server, proxy };
      this.#options.onProgress?.("tls");
      const [shaken, secured] = await probeTls(place, tls, timeoutMs, this.#runtime, this.#signal);
      yield shaken;
      if (secured === undefined) return;
      socket = secured;
    }
    if (isInTheClear(this.#options, this.#address)) {
      // Said before it is done.
      yield { name: "credential", subject: this.#name, verdict: "warn", ms: 0, ...CLEAR_TEXT };
    }
    // A cluster that no server has: MOSN knows no probes and would register us.
    const nobody = `revtun-probe-${crypto.randomUUID()}`;
    const greeting = new Greeting(socket, this.#options, this.#runtime, this.#signal);
    const [greeted, session] = await this.#run(
      "handshake",
      () => greeting.greet(nobody),
      (error) => this.#explainHandshake(error),
    );
    yield greeted;
    if (greeting.clock !== undefined) yield clockStep(this.#name, greeting.clock);
    if (session !== undefined) yield* this.#useSession(session);
    if (greeted.verdict === "fail" || greeting.isMosn || cluster === undefined) return;
    yield* this.#askFor(cluster, session !== undefined);
  }

  #connect(): Promise<Outcome<Connection>> {
    const { timeoutMs, proxy } = this.#options;
    return this.#run("connect", async () => {
      const socket = await dial(this.#address, this.#runtime, {
        timeoutMs,
        signal: this.#signal,
        proxy,
        onGivenUp: (rest) => void this.#rests.push(rest),
      });
      const way = this.#address.kind === "unix"
        ? "Unix socket"
        : proxy !== undefined
        ? `through proxy ${formatAddress(proxy.address)}`
        : `TCP from ${formatAddress(socket.local)}`;
      return { value: socket, detail: way };
    }, (error) => ({ advice: proxy === undefined ? adviseOnConnect(error) : PROXY_ADVICE }));
  }

  /** Asks for the cluster itself, now that the server is known to understand what a probe is. */
  async *#askFor(cluster: string, isSessionMeasured: boolean): AsyncGenerator<Step> {
    const { server, tls, timeoutMs, proxy } = this.#options;
    const [step, session] = await this.#run("cluster", async () => {
      const place = { address: this.#address, server, proxy };
      const socket = await dialServer(place, tls, this.#runtime, {
        timeoutMs,
        signal: this.#signal,
      });
      const greeting = new Greeting(socket, this.#options, this.#runtime, this.#signal);
      const { value } = await greeting.greet(cluster, true);
      return { value, detail: `an agent of cluster ${cluster} would be accepted` };
    }, (error) => this.#explainHandshake(error));
    yield step;
    if (session === undefined) return;
    if (isSessionMeasured) session.close();
    else yield* this.#useSession(session);
  }

  async *#useSession(session: Session): AsyncGenerator<Step> {
    const { pings, timeoutMs } = this.#options;
    const onProgress = (done: number) => this.#options.onProgress?.(`session ${done}/${pings}`);
    const measured = { name: this.#name, pings, timeoutMs, onProgress };
    yield await measureSession(session, this.#runtime, measured);
    if (this.#options.hasThroughput) {
      this.#options.onProgress?.("throughput");
      yield* measureThroughput(session, this.#name, this.#runtime);
    }
    session.close();
  }

  async #explainHandshake(error: unknown): Promise<Explained> {
    if (error instanceof HandshakeError) return { advice: adviseOnRefusal(error.status) };
    const isTls = this.#options.tls !== undefined;
    const detail = error instanceof ClosedError
      ? "it ends the connection without an answer"
      : detailOf(error);
    const isStranger = error instanceof DialError && error.failure === "refused";
    if (isTls) {
      return {
        detail,
        advice: isStranger
          ? "correct the address: it is to be the server's --tunnel port"
          : "it may want a certificate of the agent: give --tls-cert and --tls-key",
      };
    }
    const { timeoutMs, proxy } = this.#options;
    const found = isStranger && !/TLS/.test(detail)
      ? undefined
      : await lookCloser(this.#address, this.#runtime, timeoutMs, this.#signal, proxy);
    if (found?.what.includes("TLS")) {
      return {
        detail: isStranger ? detail : `${detail}; ${found.what} answers there`,
        advice: found.isTunnel
          ? "dial it inside TLS: tls:// in front of the address, or --tls"
          : "dial it inside TLS, tls:// in front of the address; if that is the wrong port, " +
            "correct it",
      };
    }
    if (isStranger || found !== undefined) {
      return {
        detail: isStranger ? detail : `${detail}; ${found!.what} answers there`,
        advice: "correct the address: it is to be the server's --tunnel port",
      };
    }
    return {
      detail,
      advice: error instanceof DialError && error.failure === "timeout"
        ? "something accepts connections and says nothing: a firewall, or another program's port"
        : "correct the address: it is to be the server's --tunnel port; if it is, see its log",
    };
  }

  #run<T>(
    name: string,
    run: Parameters<typeof runStep<T>>[0]["run"],
    explain: (error: unknown) => Explained | Promise<Explained>,
  ): Promise<Outcome<T>> {
    this.#options.onProgress?.(name);
    return runStep({ name, subject: this.#name, nowMs: this.#runtime.nowMs, run, explain });
  }
}

function adviseOnConnect(error: unknown): string {
  return error instanceof DialError && error.failure === "refused"
    ? "start `revtun server` there, or correct the port: it is the one given as --tunnel"
    : "check that firewalls and routes let this machine reach that address and port";
}

function adviseOnRefusal(status: number): string {
  switch (status) {
    case CONNECT_STATUS.authFailed:
      return "give the right --token-file, or REVTUN_TOKEN";
    case CONNECT_STATUS.validatorNotFound:
      return "name the server's policy by --credential";
    case CONNECT_STATUS.clusterNotExist:
      return "declare the cluster on the server, by --cluster, or correct its name";
    default:
      return "try again later; the server's log says more";
  }
}
