/** Surroundings of a broken set-up: what it starts is real, what it prints is made fit for a page. */
import type { Address } from "../../lib/address.ts";
import { parseTargets } from "../../lib/agent/target.ts";
import type { Duplex } from "../../lib/duplex.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { serverConfig } from "../../lib/server/config.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import { startServer } from "../../lib/server/server.ts";
import type { RunningServer } from "../../lib/server/server.ts";
import { agentFor } from "../agent/agent_for.ts";
import { Backend, testRuntime, until } from "../agent/support.ts";
import { runCli } from "../cli/run_cli.ts";
import { TestCa } from "../transport/tls_support.ts";

/** Deadline of each step, so that what is silent does not take long. */
const TIMEOUT = "2s";
const ON_0 = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** One set-up at work; what it opened goes with it. */
export class BrokenSetup implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly #stack = new AsyncDisposableStack();
  /** What stands for a port of this run, or a folder, on the page. */
  readonly #names: [string | RegExp, string][] = [];

  constructor() {
    const runtime = testRuntime();
    this.runtime = runtime;
    this.#stack.defer(() => runtime[Symbol.dispose]());
  }

  /** A server; its tunnel port is 9000 on the page. */
  async server(init: Partial<ServerConfig> = {}): Promise<string> {
    return this.#at((await this.#start(init)).tunnelAddresses[0]!, 9000);
  }

  /** A server's frontend, its port 8080 on the page, and an agent with one target, if it has. */
  async frontend(init: Partial<ServerConfig>, target?: string): Promise<string> {
    const frontends = [{ scheme: "http", address: ON_0, target: "" }] as const;
    const server = await this.#start({ frontends, ...init });
    if (target !== undefined) {
      this.#stack.use(
        await agentFor(this.runtime, server.tunnelAddresses, { targets: parseTargets([target]) }),
      );
      await until("the agent", () => server.registry.hostCount > 0);
    }
    return this.#at(server.frontendAddresses[0]!, 8080);
  }

  /** Something else that listens; `shownPort` stands for its port on the page. */
  stranger(serve: (connection: Duplex) => void, shownPort: number): string {
    const backend = new Backend(this.runtime, serve);
    this.#stack.use(backend);
    return this.#at(backend.address, shownPort);
  }

  /** A port that nobody listens on. */
  async nobody(shownPort: number): Promise<string> {
    const backend = new Backend(this.runtime, () => {});
    await backend[Symbol.asyncDispose]();
    return this.#at(backend.address, shownPort);
  }

  /** A port whose connections are never taken: once its queue is full, packets to it are dropped. */
  async blackHole(shownPort: number): Promise<string> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    this.#stack.defer(() => listener.close());
    const { port } = listener.addr as Deno.NetAddr;
    for (let count = 0; count < 8; count++) {
      const signal = AbortSignal.timeout(500);
      const waiting = await Deno.connect({ hostname: "127.0.0.1", port, signal })
        .catch(() => undefined);
      if (waiting === undefined) break;
      this.#stack.defer(() => waiting.close());
    }
    return this.#at({ kind: "tcp", host: "127.0.0.1", port }, shownPort);
  }

  /** A CA, its folder shown as /etc/revtun. */
  async ca(): Promise<TestCa> {
    const ca = await TestCa.make();
    this.#stack.use(ca);
    this.#names.push([ca.folder, "/etc/revtun"]);
    return ca;
  }

  /** A file in a folder that is shown as /etc/revtun. */
  async file(name: string, text: string, mode = 0o600): Promise<string> {
    const folder = await Deno.makeTempDir({ prefix: "revtun-docs-" });
    this.#stack.defer(() => Deno.remove(folder, { recursive: true }));
    this.#names.push([folder, "/etc/revtun"]);
    const path = `${folder}/${name}`;
    await Deno.writeTextFile(path, text);
    await Deno.chmod(path, mode);
    return path;
  }

  /** Runs `revtun` and gives what a user sees. */
  async shown(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const limited = argv[0] === "probe" && !argv.includes("--targets")
      ? [...argv, "--timeout", TIMEOUT]
      : argv;
    const { code, stdout, stderr } = await runCli(limited, { env });
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value} `).join("");
    const text = `$ ${variables}revtun ${argv.join(" ")}\n${stdout}${stderr}`;
    return `${this.#normalised(text)}exit code ${code}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #start(init: Partial<ServerConfig>): Promise<RunningServer> {
    const config = serverConfig({ tunnels: [ON_0], ...init });
    const server = await startServer(config, this.runtime, "revtun/0.1.0");
    this.#stack.defer(() => server.close(0));
    return server;
  }

  #at(address: Address, shownPort: number): string {
    if (address.kind !== "tcp") throw new TypeError("A port is needed");
    this.#names.push([new RegExp(`:${address.port}\\b`, "g"), `:${shownPort}`]);
    return `127.0.0.1:${address.port}`;
  }

  /** What differs from run to run becomes the same. */
  #normalised(text: string): string {
    let result = text;
    for (const [from, to] of this.#names) result = result.replaceAll(from, to);
    return result
      .replaceAll(/TCP from 127\.0\.0\.1:\d+/g, "TCP from 127.0.0.1:50000")
      .replaceAll(/ {2} *[\d.]+ ms {2}/g, `  ${"1.2 ms".padStart(10)}  `)
      .replaceAll(/\b\d+ bytes/g, "512 bytes")
      .replaceAll(/\([\d.]+ ms\)|after [\d.]+ ms/g, (part) => part.replace(/[\d.]+/, "1.2"))
      .replaceAll(/(frontend|queue|tunnel|dial|first byte) [\d.]+(?=[, ])/g, "$1 0.1")
      .replaceAll(/server [0-9a-f]{8} of/g, "server 1a2b3c4d of")
      .replaceAll(/the server's is .* \(within \d+ ms\)/g, "the server's is the same (within 1 ms)")
      .replaceAll(/sha256:0{64}/g, "sha256:77d7…")
      .replaceAll(/sha256:[0-9a-f]{64}/g, "sha256:6c0f…")
      .replaceAll(/round trip .* \(/g, "round trip 0.1 ms at best, 0.2 ms median, 0.9 ms p99 (")
      .replaceAll(/clock {5}\S+Z/g, "clock     2026-01-01T12:00:00Z")
      // What the machine allows, and lets be seen, is its own affair.
      .replaceAll(/^.{4} limits .*\n( {5}.*\n)?/gm, "")
      .replaceAll(/in use( by \S+, process \d+|: .* there)/g, "in use by nginx, process 812")
      .replaceAll(/(clock .*)who keeps.*|(clock .*)kept right.*/g, "$1$2kept right by NTP");
  }
}

/** Answers whatever comes with `text`; first if `isFirst`. */
export function answering(text: string, isFirst = false): (connection: Duplex) => void {
  const bytes = new TextEncoder().encode(text);
  return (connection) => {
    connection.attach({
      onData: () => {
        if (!isFirst) connection.write(bytes);
      },
      onEnd: () => connection.end(),
      onDrain() {},
      onClose() {},
    });
    if (isFirst) connection.write(bytes);
  };
}
