/** What stands behind all tunnels: nginx, and a sink for uploads that costs as little as can be. */
import { freePort } from "./ports.ts";
import type { ProcessGroup } from "./process_group.ts";
import { searchPath } from "./programs.ts";
import { waitForAnswer } from "./wait_for_answer.ts";

/** The small answer: 12 bytes. */
export const SMALL_BODY = "hello world\n";
/** Sizes of the files, in MB of 2^20 bytes; each is served as `/NAMEm`. */
export const FILE_MB = [256, 32] as const;

/** Ports on 127.0.0.1. */
export interface Backends {
  /** Answers 12 bytes to `/`, the query to `/echo?…`, files to `/256m` and `/32m`. */
  readonly nginx: number;
  /** Takes uploads of any size. */
  readonly sink: number;
}

/**
 * Starts both below `folder`.
 *
 * @throws {Error} nginx is not there or does not start.
 */
export async function startBackends(group: ProcessGroup, folder: string): Promise<Backends> {
  const nginx = freePort();
  const sink = freePort();
  await Deno.mkdir(`${folder}/files`);
  for (const mb of FILE_MB) {
    const file = await Deno.open(`${folder}/files/${mb}m`, { write: true, create: true });
    const block = new Uint8Array(1 << 20).fill(97);
    for (let count = 0; count < mb; count++) await file.write(block);
    file.close();
  }
  await Deno.writeTextFile(`${folder}/nginx.conf`, nginxConf(folder, nginx));
  const servers: [string, number, string][] = [
    ["nginx", nginx, `nginx -c ${folder}/nginx.conf -p ${folder}`],
    ["sink", sink, `${Deno.execPath()} run -A -q --no-config bench/load/sink.ts ${sink}`],
  ];
  for (const [name, port, command] of servers) {
    const process = group.start(command, { env: { PATH: searchPath() } });
    await waitForAnswer({ hostname: "127.0.0.1", port }, name, [process]);
  }
  return { nginx, sink };
}

/** One worker, so that it leaves the rest of the machine to the tunnels. */
function nginxConf(folder: string, port: number): string {
  const names = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
master_process off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  ${names.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 600;
  keepalive_requests 1000000000;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder}/files;
    location = / { return 200 "${SMALL_BODY.replace("\n", "\\n")}"; }
    location = /echo { return 200 "$args\\n"; }
  }
}
`;
}
