/** Restarts and takeovers under 2,000 requests a second: none may fail. */
import { freePorts } from "../../../bench/ports.ts";
import { spawnCli } from "../../cli/spawn_cli.ts";
import type { CliProcess } from "../../cli/spawn_cli.ts";
import { agentLine, okService, pause, serverLine } from "./goal.ts";
import type { Goal, Ports } from "./goal.ts";
import { SteadyLoad } from "./steady_load.ts";

const PER_SECOND = 2000;
/** Compilers warm up, and the load is steady, before anything happens. */
const WARM_UP_MS = 3000;

export const RESTART: Goal = {
  name: "restart",
  wanted: `restart of one agent of two, under ${PER_SECOND} req/s: 0 failed`,
  run: () =>
    underLoad(async ({ agents, startAgent }) => {
      const times: string[] = [];
      for (const index of [0, 1]) {
        const startMs = performance.now();
        agents[index]!.kill("SIGTERM");
        await agents[index]!.status;
        times.push(`${Math.round(performance.now() - startMs)} ms`);
        agents[index] = await startAgent(index);
        await pause(1000);
      }
      return `one after the other, they ended within ${times.join(" and ")}`;
    }),
};

export const TAKEOVER: Goal = {
  name: "takeover",
  wanted: `takeover on keep-alive clients, under ${PER_SECOND} req/s: 0 failed`,
  run: () =>
    underLoad(async ({ server, startNext }) => {
      await startNext();
      const { code } = await server.status;
      if (code !== 0) throw new Error(`The old server ended with ${code}:\n${server.stderr}`);
      await pause(1000);
      const deaf = /event=server\.deaf .*(taken_last=\d+ reset_at_most=\d+)/.exec(server.stderr);
      return deaf?.[1] ?? "";
    }),
};

interface World {
  readonly server: CliProcess;
  readonly agents: CliProcess[];
  startAgent(index: number): Promise<CliProcess>;
  /** Starts the server that takes over. */
  startNext(): Promise<void>;
}

async function underLoad(
  happen: (world: World) => Promise<string>,
): Promise<{ isReached: boolean; measured: string }> {
  await using processes = new AsyncDisposableStack();
  const service = okService();
  processes.defer(() => service.close());
  const [client, tunnel, admin] = freePorts(3);
  const ports: Ports = { client: client!, tunnel: tunnel!, admin: admin! };
  const server = processes.use(spawnCli(serverLine(ports)));
  await server.printed(/event=admin\.listening/);
  const startAgent = async (index: number) => {
    const line = agentLine(`h${index}`, `127.0.0.1:${tunnel}`, service.address);
    const agent = processes.use(spawnCli(line));
    await agent.printed(/event=tunnel\.connected .*connections=2\b/);
    return agent;
  };
  const agents = [await startAgent(0), await startAgent(1)];
  const load = new SteadyLoad(client!, PER_SECOND);
  await pause(WARM_UP_MS);
  const told = await happen({
    server,
    agents,
    startAgent,
    async startNext() {
      const next = processes.use(spawnCli([...serverLine(ports), "--takeover"]));
      await next.printed(/event=takeover\.done/);
    },
  });
  const { rate } = load;
  const { answered, failed, slowestMs, closed } = await load.stop();
  return {
    isReached: failed.length === 0 && rate > PER_SECOND * 0.95,
    measured: `${failed.length} of ${answered} failed` +
      (failed.length === 0 ? "" : ` (${[...new Set(failed)].join("; ")})`) +
      ` at ${Math.round(rate)} req/s, slowest ${Math.round(slowestMs)} ms, ` +
      `${closed} told to close; ${told}`,
  };
}
