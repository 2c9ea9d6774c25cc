/** Clients that come for one request each, to a target that gets streams of each client's own. */
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcp } from "node:net";
import { frontendRig } from "../server/frontend_rig.ts";

/** A service behind the PROXY protocol: its connections, each kept for as long as it may be. */
async function proxiedService() {
  const http = createServer((_, response) => response.end("ok"));
  http.keepAliveTimeout = 60_000;
  const open = new Set<Socket>();
  const tcp = createTcp((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.once("data", (bytes: Buffer) => {
      socket.pause();
      socket.unshift(bytes.subarray(bytes.indexOf("\r\n") + 2));
      http.emit("connection", socket);
      socket.resume();
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const { port } = tcp.address() as AddressInfo;
  return {
    target: `127.0.0.1:${port}?proxy_protocol=v1`,
    open,
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy();
      return new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

async function statusOf(address: string): Promise<number> {
  const response = await fetch(`http://${address}/`, { headers: { connection: "close" } });
  await response.body?.cancel();
  return response.status;
}

Deno.test("what clients that left leave behind keeps nobody out", async () => {
  await using service = await proxiedService();
  await using rig = await frontendRig({
    listen: ["127.0.0.1:0"],
    targets: [service.target],
    server: { maxStreamsPerSession: 20 },
  });
  for (let client = 0; client < 60; client++) {
    assert.equal(await statusOf(rig.addresses[0]!), 200, `client ${client}`);
  }
  assert.equal(rig.server.stats.streamsReused, 0, "nobody got another's");
  // One of the agent's own is among the twenty.
  assert.ok(service.open.size <= 20, `${service.open.size} connections to the target`);
});
