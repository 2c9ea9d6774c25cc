/** Starts a tunnel with all that it needs, and ends it. */
import { linkCommand } from "./link/link_command.ts";
import type { LinkSettings } from "./link/link_pacer.ts";
import { fillIn } from "./peer_spec.ts";
import type { PeerSpec } from "./peer_spec.ts";
import { freePort } from "./ports.ts";
import type { ProcessGroups } from "./process_group.ts";
import { isProgram, searchPath } from "./programs.ts";
import { waitForAnswer, waitForPort } from "./wait_for_answer.ts";
import type { Endpoint } from "./wait_for_answer.ts";

/** A tunnel that is up. */
export interface Peer {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** `Host` that requests need, if any. */
  readonly host: string | undefined;
  /** Its two processes, server first; none of a direct connection. */
  readonly pids: readonly number[];
  /** Ends it; resolves when all its processes are gone. */
  end(): Promise<void>;
}

/** What a tunnel is to lead to, and by which way. */
export interface PeerPlace {
  readonly backendPort: number;
  /** Where it may have a folder of its own; that of the system for temporary files by default. */
  readonly folder?: string;
  /** A long link between agent and server. */
  readonly link?: LinkSettings | undefined;
}

/** The link's own address, so that a tunnel with but one control port can be behind it. */
const LINK_HOST = "127.0.0.2";

/**
 * Starts `spec`'s server and agent and waits for an answer through them.
 *
 * @throws {Error} what it needs is not there, or it did not come up; one line.
 */
export async function startPeer(
  spec: PeerSpec,
  place: PeerPlace,
  groups: ProcessGroups,
): Promise<Peer> {
  const program = /^\S+/.exec(spec.server)![0];
  if (!await isProgram(program)) throw new Error(`${program} is not there`);
  const folder = await Deno.makeTempDir({
    prefix: "revtun-bench-peer-",
    ...(place.folder !== undefined && { dir: place.folder }),
  });
  const group = groups.create();
  const end = async () => {
    await group.end();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    const control = spec.controlPort ?? freePort();
    const front = freePort();
    const dial = place.link === undefined ? control : spec.controlPort ?? freePort();
    const values = {
      DIR: folder,
      CTRL: control,
      FRONT: front,
      BACKEND: place.backendPort,
      DIAL_HOST: place.link === undefined ? "127.0.0.1" : LINK_HOST,
      DIAL: dial,
    };
    for (const [name, text] of Object.entries(spec.files)) {
      await Deno.writeTextFile(`${folder}/${name}`, fillIn(text, values));
    }
    const options = { cwd: folder, env: { PATH: searchPath(), NO_COLOR: "1" } };
    for (const command of spec.prepare) await run(fillIn(command, values), options);
    const server = group.start(fillIn(spec.server, values), options);
    // Agents that give up at once would come too early.
    await waitForPort({ hostname: "127.0.0.1", port: control }, spec.name, server);
    if (place.link !== undefined) {
      const proxy = group.start(
        linkCommand(`${LINK_HOST}:${dial}`, `127.0.0.1:${control}`, place.link),
      );
      await waitForPort({ hostname: LINK_HOST, port: dial }, "the link", proxy);
    }
    const agent = group.start(fillIn(spec.agent, values), options);
    const endpoint = { hostname: "127.0.0.1", port: front };
    await waitForAnswer(endpoint, spec.name, [server, agent], spec.host);
    return {
      name: spec.name,
      endpoint,
      host: spec.host,
      pids: [server.pid, agent.pid],
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The backend itself, over the link if there is one. */
export async function startDirect(
  { backendPort, link }: PeerPlace,
  groups: ProcessGroups,
): Promise<Peer> {
  const group = groups.create();
  let endpoint = { hostname: "127.0.0.1", port: backendPort };
  if (link !== undefined) {
    const port = freePort();
    endpoint = { hostname: LINK_HOST, port };
    const proxy = group.start(
      linkCommand(`${LINK_HOST}:${port}`, `127.0.0.1:${backendPort}`, link),
    );
    await waitForAnswer(endpoint, "the link", [proxy]);
  }
  return { name: "direct", endpoint, host: undefined, pids: [], end: () => group.end() };
}

async function run(command: string, options: { cwd: string; env: Record<string, string> }) {
  const child = new Deno.Command("sh", { args: ["-c", command], ...options, stdin: "null" });
  const { success, stderr } = await child.output();
  if (success) return;
  throw new Error(`"${command}" failed: ${new TextDecoder().decode(stderr).trim().slice(0, 200)}`);
}
