/** `revtun demo`: a whole tunnel on this machine, with a backend behind it. */
import { formatAddress, parseAddress } from "../lib/address.ts";
import type { Address } from "../lib/address.ts";
import { startAgent } from "../lib/agent/agent.ts";
import type { RunningAgent } from "../lib/agent/agent.ts";
import { agentConfig } from "../lib/agent/config.ts";
import { parseTargets } from "../lib/agent/target.ts";
import { ConfigError, DeadlineError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import { serverConfig } from "../lib/server/config.ts";
import { startServer } from "../lib/server/server.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Output } from "./command.ts";
import { LOG_OPTIONS } from "./common_options.ts";
import { startDemoBackend } from "./demo_backend.ts";
import { sendDemoRequests } from "./demo_requests.ts";
import { SOFTWARE } from "./software.ts";

const CLUSTER = "edge-a";
const CONNECT_TIMEOUT_MS = 10_000;
/** Nothing of the demo's is worth waiting for at its end. */
const DRAIN_TIMEOUT_MS = 500;

export const command: Command = defineCommand({
  name: "demo",
  summary: "Run server, agent and a backend on this machine and send requests through",
  description:
    `Everything is on loopback. The server takes clients and agents in, the agent dials it
and registers as cluster ${CLUSTER}, requests to the server come out at the backend. Then it stays up
for requests of your own until Ctrl-C.`,
  options: [
    {
      name: "once",
      kind: "boolean",
      env: "REVTUN_DEMO_ONCE",
      description: "End after the demo's own requests: 0 if all were answered, else 1",
    },
    {
      name: "listen",
      kind: "string",
      placeholder: "ADDRESS",
      default: "127.0.0.1:0",
      env: "REVTUN_DEMO_LISTEN",
      description: "Where the server takes clients in; port 0 is any free one",
    },
    {
      name: "tunnel",
      kind: "string",
      placeholder: "ADDRESS",
      default: "127.0.0.1:0",
      env: "REVTUN_DEMO_TUNNEL",
      description: "Where the server takes agents in",
    },
    { ...LOG_OPTIONS[0], default: "warn" },
    LOG_OPTIONS[1],
  ],
  examples: [
    { line: "revtun demo", description: "stays up until Ctrl-C" },
    { line: "revtun demo --once", description: "a check that all works here" },
    { line: "revtun demo --listen 127.0.0.1:8080 --log-level info", description: "and see events" },
  ],
  async run(context) {
    const { values, stdout, signal, sourceOf } = context;
    const listen = addressOf(values.listen, sourceOf("listen"));
    const tunnel = addressOf(values.tunnel, sourceOf("tunnel"));
    const runtime = context.createRuntime();
    await using ending = new AsyncDisposableStack();

    const backend = await startDemoBackend();
    ending.defer(() => backend.close());
    const server = await startServer(
      serverConfig({
        frontends: [{ scheme: "http", address: listen, target: "" }],
        tunnels: [tunnel],
        drainTimeoutMs: DRAIN_TIMEOUT_MS,
      }),
      runtime,
      SOFTWARE,
    );
    ending.defer(() => server.close());
    const agent = await startAgent(
      agentConfig({
        cluster: CLUSTER,
        servers: [server.tunnelAddresses[0]!],
        hostName: "demo-agent",
        targets: parseTargets([backend.address]),
        drainTimeoutMs: DRAIN_TIMEOUT_MS,
      }),
      runtime,
      { software: SOFTWARE },
    );
    ending.defer(() => agent.close());
    await connected(agent, runtime);

    const clients = formatAddress(server.frontendAddresses[0]!);
    await stdout.write(introduction({
      backend: backend.address,
      clients,
      agents: formatAddress(server.tunnelAddresses[0]!),
      connectionCount: agent.connectionCount,
    }));
    const isGood = await sendAll(`http://${clients}/`, stdout, signal);
    if (values.once || signal.aborted) return isGood ? EXIT.ok : EXIT.failed;
    await stdout.write(invitation(clients));
    await aborted(signal);
    return isGood ? EXIT.ok : EXIT.failed;
  },
});

function addressOf(text: string, source: string): Address {
  try {
    return parseAddress(text, { host: "127.0.0.1" });
  } catch (error) {
    throw new ConfigError(source, (error as Error).message, { cause: error });
  }
}

/** @throws {DeadlineError} the agent does not get to its server. */
async function connected(agent: RunningAgent, runtime: Runtime): Promise<void> {
  const tooLate = Promise.withResolvers<never>();
  const timer = runtime.timers.after(CONNECT_TIMEOUT_MS, () => {
    tooLate.reject(
      new DeadlineError("The demo's agent cannot connect to its server, see --log-level debug"),
    );
  });
  try {
    const isUp = () => agent.connectionCount >= agent.config.connectionNum;
    await Promise.race([agent.when(isUp), tooLate.promise]);
  } finally {
    timer.cancel();
  }
}

function introduction(
  places: { backend: string; clients: string; agents: string; connectionCount: number },
): string {
  return `A tunnel on this machine:

  backend  ${places.backend.padEnd(22)} a service at the edge that nobody else can dial
  agent    ${
    CLUSTER.padEnd(22)
  } dialled out: ${places.connectionCount} connections to ${places.agents}
  server   ${places.clients.padEnd(22)} where clients ask; agents come to ${places.agents}

Requests, each  client -> server ${places.clients} -> agent ${CLUSTER} -> backend ${places.backend}:

`;
}

async function sendAll(baseUrl: string, stdout: Output, signal: AbortSignal): Promise<boolean> {
  const headers = { "x-revtun-cluster": CLUSTER };
  let isGood = true;
  for await (const result of sendDemoRequests(baseUrl, headers, signal)) {
    if (signal.aborted) return isGood;
    isGood &&= result.isGood;
    const mark = result.isGood ? "ok    " : "FAILED";
    const took = `${result.tookMs.toFixed(result.tookMs < 10 ? 1 : 0)} ms`;
    await stdout.write(
      `  ${colour(mark, result.isGood ? 32 : 31, stdout)}  ${result.what.padEnd(18)} ` +
        `${took.padStart(8)}  ${result.outcome}\n`,
    );
  }
  return isGood;
}

function colour(text: string, code: number, output: Output): string {
  return output.isColoured ? `\x1b[${code}m${text}\x1b[0m` : text;
}

function invitation(clients: string): string {
  return `
Yours, from another terminal:

  curl http://${clients}/
  curl -H 'x-revtun-cluster: ${CLUSTER}' http://${clients}/       # the cluster by name
  curl -N http://${clients}/clock                         # an answer that never ends
  curl --data-binary @README.md http://${clients}/echo

Ctrl-C ends it.
`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
