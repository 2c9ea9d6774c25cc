/**
 * CPU that an idle agent takes with each way to learn of servers, beside one that is told. Also
 * alone by `npm run bench -- discovery`.
 */
import { isProgram, searchPath } from "./programs.ts";
import { freePort } from "./ports.ts";
import { usageOf } from "./proc.ts";
import { startProgram } from "./program.ts";
import type { Program, ProgramRun } from "./program.ts";

/** One way and what it took. */
export interface DiscoveryRow {
  readonly lister: string;
  /** CPU, user and system. */
  readonly cpuMs: number;
}

const SECONDS = 20;
const SETTLE_MS = 5000;
const NAME = "tunnel.test";

/** Measures all ways side by side, each in an agent of its own; takes half a minute. */
export async function measureDiscovery(run: ProgramRun): Promise<DiscoveryRow[]> {
  const folder = await Deno.makeTempDir({ dir: run.folder });
  const programs: Program[] = [];
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    for (const program of programs.toReversed()) await program.end();
  });
  const [tunnel, frontend] = [freePort(), freePort()];
  const server = startProgram(run, [
    ...["server", "--tunnel", `127.0.0.1:${tunnel}`, "--listen", `127.0.0.1:${frontend}`],
  ]);
  programs.push(server);
  await server.printed(/event=tunnel\.listening/);
  const address = `127.0.0.1:${tunnel}`;
  const list = `${folder}/servers.yaml`;
  await Deno.writeTextFile(list, `["${address}"]\n`);
  await using source = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const headers = { etag: '"1"' };
      return request.headers.get("if-none-match") === '"1"'
        ? new Response(null, { status: 304, headers })
        : Response.json([address], { headers });
    },
  );
  const listers: Record<string, Record<string, unknown>> = {
    "told (server_list)": {},
    "static": { "dynamic_server_lister": "static", servers: [address] },
    "file, looked at each second": { "dynamic_server_lister": "file", path: list },
    "http, each second": {
      "dynamic_server_lister": "http",
      url: `http://127.0.0.1:${source.addr.port}/`,
      interval: "1s",
    },
  };
  if (await isProgram("dnsmasq")) {
    const port = freePort();
    const dnsmasq = startDnsmasq(port, run.signal);
    cleanup.defer(() => dnsmasq.end());
    listers["dns, each second"] = {
      "dynamic_server_lister": "dns",
      name: NAME,
      "name_server": `127.0.0.1:${port}`,
      port: tunnel,
    };
  }
  const agents: [lister: string, agent: Program][] = [];
  for (const [name, lister] of Object.entries(listers)) {
    const file = `${folder}/${agents.length}.yaml`;
    const settings = Object.keys(lister).length === 0
      ? { "server_list": [address] }
      : { "dynamic_server_list_config": lister };
    await Deno.writeTextFile(file, JSON.stringify({ agent: { cluster: "bench", ...settings } }));
    const agent = startProgram(run, ["agent", "--config", file]);
    programs.push(agent);
    agents.push([name, agent]);
    await agent.printed(/event=tunnel\.connected/);
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpuOf = async () =>
    await Promise.all(agents.map(async ([, { pid }]) => (await usageOf([pid])).cpuSeconds));
  const before = await cpuOf();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const after = await cpuOf();
  return agents.map(([lister], index) => ({
    lister,
    cpuMs: (after[index]! - before[index]!) * 1000,
  }));
}

/** The rows as lines of text. */
export function formatDiscovery(rows: readonly DiscoveryRow[]): string {
  const lines = rows.map(({ lister, cpuMs }) =>
    `  ${lister.padEnd(30)} ${cpuMs.toFixed(0).padStart(5)} ms   ` +
    `${(cpuMs / SECONDS / 10).toFixed(2)} %\n`
  );
  return `CPU of an idle agent in ${SECONDS} s, counted in steps of 10 ms:\n${lines.join("")}`;
}

/** Answers one name, with a TTL that is over each second. */
function startDnsmasq(port: number, signal: AbortSignal): { end(): Promise<void> } {
  const child = new Deno.Command("dnsmasq", {
    args: [
      ...["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null"],
      ...["--listen-address=127.0.0.1", "--bind-interfaces", `--port=${port}`, "--pid-file="],
      ...[`--host-record=${NAME},127.0.0.1`, "--local-ttl=1"],
    ],
    env: { PATH: searchPath() },
    signal,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    end: async () => {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
