/** Programs and services of others for tests of the HTTP frontend, on loopback. */
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { freePort } from "../../bench/ports.ts";

/** Node's HTTP server. */
export interface NodeService extends AsyncDisposable {
  readonly server: Server;
  readonly address: string;
}

/** Starts Node's HTTP server. */
export async function nodeService(listener?: RequestListener): Promise<NodeService> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts nginx with `location` blocks of the test's. */
export async function nginxService(
  locations: string,
): Promise<AsyncDisposable & { address: string }> {
  const folder = await Deno.makeTempDir({ prefix: "revtun-nginx-" });
  const port = freePort();
  await Deno.mkdir(`${folder}/www`);
  // The worker runs as another user.
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
events { worker_connections 512; }
http {
  access_log off; client_max_body_size 0; client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u;
  scgi_temp_path ${folder}/s;
  server { listen 127.0.0.1:${port}; root ${folder}/www; ${locations} }
}
`,
  );
  await Deno.writeFile(`${folder}/www/big.bin`, new Uint8Array(3 << 20).fill(0x61));
  const child = new Deno.Command("nginx", {
    args: ["-c", `${folder}/nginx.conf`, "-p", folder],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const address = `127.0.0.1:${port}`;
  await portOpens(port);
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Waits until a program listens; throws if it never does. */
export async function portOpens(port: number): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
