/**
 * What an HTTP frontend holds: memory for each idle keep-alive client, and while a large body passes
 * each way. Loads the machine for a minute or two, and asserts nothing.
 *
 *     deno run -A --import-map=npm/import_map.json --no-lock bench/http_soak.ts [CLIENTS] [GIGABYTES]
 */
import { fileURLToPath } from "node:url";
import { routeFlags } from "../npm/route.ts";

const CLIENTS = Number(Deno.args[0] ?? 5000);
const GIGABYTES = Number(Deno.args[1] ?? 8);
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const PIECE = new Uint8Array(1 << 20);

const text = new TextDecoder();
const bytes = new TextEncoder();

/** A backend that answers `/down/N` with N bytes and reads whatever is sent. */
function startBackend(): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const conn of listener) void serve(conn).catch(() => {});
  })();
  return listener;
}

async function serve(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1 << 18);
  for (;;) {
    let head = "";
    let rest = 0;
    while (!head.includes("\r\n\r\n")) {
      const count = await conn.read(buffer);
      if (count === null) return conn.close();
      head += text.decode(buffer.subarray(0, count));
    }
    rest = head.length - head.indexOf("\r\n\r\n") - 4;
    const down = Number(/^GET \/down\/(\d+) /.exec(head)?.[1] ?? 0);
    const up = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    while (rest < up) rest += await conn.read(buffer) ?? Infinity;
    await send(conn, bytes.encode(`HTTP/1.1 200 OK\r\nContent-Length: ${down}\r\n\r\n`));
    for (let sent = 0; sent < down; sent += PIECE.length) await send(conn, PIECE);
  }
}

async function send(conn: Deno.Conn, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
}

interface Program {
  readonly child: Deno.ChildProcess;
  logged(pattern: RegExp): Promise<string>;
}

function start(args: string[]): Program {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", ...routeFlags(), MAIN, ...args],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const waiting = new Set<() => void>();
  void (async () => {
    for await (const chunk of child.stderr) {
      log += text.decode(chunk);
      for (const look of waiting) look();
    }
  })();
  return {
    child,
    logged: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const match = pattern.exec(log);
          if (match === null) return;
          waiting.delete(look);
          resolve(match[1] ?? "");
        };
        waiting.add(look);
        look();
      }),
  };
}

async function rssKiB(child: Deno.ChildProcess): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function print(line: string): Promise<void> {
  await Deno.stdout.write(bytes.encode(`${line}\n`));
}

const backend = startBackend();
const server = start([
  ...["server", "--listen", "http://127.0.0.1:0", "--tunnel", "127.0.0.1:0"],
]);
const tunnel = await server.logged(/event=tunnel\.listening .*address=(\S+)/);
const port = Number(await server.logged(/event=frontend\.listening .*http:\/\/127\.0\.0\.1:(\d+)/));
const agent = start([
  ...["agent", "--server", tunnel, "--cluster", "edge-a"],
  ...["--target", `127.0.0.1:${backend.addr.port}`],
]);
await server.logged(/event=(tunnel\.registered)/);
const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
const GET = bytes.encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
const scratch = new Uint8Array(1 << 18);

// What the first hundreds of requests bring is there once, whoever is connected.
const warm = await connect();
for (let i = 0; i < 2000; i++) {
  await send(warm, GET);
  await warm.read(scratch);
}
await pause(1000);
const before = await rssKiB(server.child);
const idle: Deno.Conn[] = [];
for (let i = 0; i < CLIENTS; i++) {
  const conn = await connect();
  await send(conn, GET);
  await conn.read(scratch);
  idle.push(conn);
}
await pause(3000);
const after = await rssKiB(server.child);
await print(
  `${CLIENTS} idle keep-alive clients: server ${before} -> ${after} KiB, ` +
    `${((after - before) / CLIENTS).toFixed(1)} KiB each`,
);
for (const conn of idle) conn.close();
await pause(1000);

const total = GIGABYTES * 2 ** 30;
for (const way of ["down", "up"] as const) {
  const peak = { server: 0, agent: 0 };
  const timer = setInterval(async () => {
    peak.server = Math.max(peak.server, await rssKiB(server.child));
    peak.agent = Math.max(peak.agent, await rssKiB(agent.child));
  }, 250);
  const start = [await rssKiB(server.child), await rssKiB(agent.child)];
  const startMs = performance.now();
  const conn = await connect();
  if (way === "down") {
    await send(conn, bytes.encode(`GET /down/${total} HTTP/1.1\r\nHost: x\r\n\r\n`));
    for (let got = 0; got < total;) got += await conn.read(scratch) ?? Infinity;
  } else {
    const head = `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`;
    await send(conn, bytes.encode(head));
    for (let sent = 0; sent < total; sent += PIECE.length) await send(conn, PIECE);
    await conn.read(scratch);
  }
  conn.close();
  clearInterval(timer);
  const seconds = (performance.now() - startMs) / 1000;
  await print(
    `${GIGABYTES} GiB ${way}: ${
      Math.round(total / 2 ** 20 / seconds)
    } MiB/s; RSS at its start and peak: ` +
      `server ${start[0]}, ${peak.server} KiB; agent ${start[1]}, ${peak.agent} KiB`,
  );
}
for (const { child } of [agent, server]) {
  child.kill("SIGTERM");
  await child.status;
}
backend.close();
Deno.exit(0);
