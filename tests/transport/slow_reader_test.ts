/** What a far side that does not read may hold of our memory. */
import assert from "node:assert/strict";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { BufferPool } from "../../lib/buffer.ts";
import type { SharedBuffer } from "../../lib/buffer.ts";
import type { Duplex } from "../../lib/duplex.ts";
import { MemoryBudget } from "../../lib/mux/memory_budget.ts";
import { MuxStream } from "../../lib/mux/stream.ts";
import { ReceiveWindow } from "../../lib/mux/window.ts";
import { NodeSocket } from "../../lib/transport/node_socket.ts";
import { SocketDuplex } from "../../lib/transport/socket.ts";

const READ_BYTES = 256 << 10;

/** Writes small pieces of large reads until it is asked to stop; the bytes that they hold then. */
function fill(duplex: Duplex, pool: BufferPool, pieceBytes: number): number {
  const reads: SharedBuffer[] = [];
  let hasRoom = true;
  while (hasRoom) {
    const read = pool.take(READ_BYTES);
    reads.push(read);
    hasRoom = duplex.write(read.room.subarray(0, pieceBytes), read);
    assert.ok(reads.length < 10_000, "never full");
  }
  // Those that nobody else holds have this one user.
  return reads.filter((read) => !read.isExclusive).length * READ_BYTES;
}

/** A listener whose connections read nothing. */
async function deafServer() {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket.on("error", () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const IDLE = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

Deno.test("small pieces of large reads that wait for a socket hold little more than themselves", async () => {
  await using server = await deafServer();
  const pool = new BufferPool();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const socket = new SocketDuplex(conn, pool);
  socket.attach(IDLE);
  const heldBytes = fill(socket, pool, 5000);
  socket.close();
  assert.ok(heldBytes <= 4 * READ_BYTES, `${heldBytes} bytes are held`);
});

Deno.test("so do those that wait for a socket of TLS", async () => {
  await using server = await deafServer();
  const pool = new BufferPool();
  const raw = connectTcp({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  await new Promise<void>((resolve) => raw.once("connect", () => resolve()));
  const socket = new NodeSocket(raw, undefined);
  socket.attach(IDLE);
  const heldBytes = fill(socket, pool, 5000);
  socket.close();
  await new Promise<void>((resolve) => raw.once("close", () => resolve()));
  assert.ok(heldBytes <= 16 * READ_BYTES, `${heldBytes} bytes are held`);
});

Deno.test("so do those that wait for the reader of a stream", () => {
  const pool = new BufferPool();
  const budget = new MemoryBudget();
  const share = budget.join({ largestUnreadBytes: () => 0, resetLargest: () => {} });
  const stream = new MuxStream({
    ...{ name: "s", outbox: undefined as never, pool, rttMs: 1, nowMs: () => 0 },
    unreadChanged() {},
    streamEnded() {},
  }, new ReceiveWindow(share, 0));
  stream.attach(IDLE);
  stream.pause();
  const reads: SharedBuffer[] = [];
  for (let count = 0; count < 14; count++) {
    const read = pool.take(READ_BYTES);
    reads.push(read);
    stream.receive(read.room.subarray(0, 18_000), read);
  }
  assert.equal(reads.filter((read) => !read.isExclusive).length, 0);
  assert.equal(stream.unreadBytes, 14 * 18_000);
});
