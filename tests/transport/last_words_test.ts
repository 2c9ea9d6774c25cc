import assert from "node:assert/strict";
import { Reader, testRuntime, until } from "../agent/support.ts";
import { dial } from "../../lib/transport/dial.ts";

Deno.test("what a peer says before it resets the connection is read, whatever is being written", async () => {
  using runtime = testRuntime();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { kind: "tcp", host: "127.0.0.1", port: listener.addr.port } as const;
  for (let round = 0; round < 20; round++) {
    const [socket, peer] = await Promise.all([
      dial(address, runtime, { timeoutMs: 5000 }),
      listener.accept(),
    ]);
    const reader = new Reader(socket);
    socket.write(new Uint8Array(100));
    await peer.read(new Uint8Array(1));
    // All within one turn: the write finds the reset before anything was read.
    const said = peer.write(new TextEncoder().encode("go away"));
    peer.close();
    socket.write(new Uint8Array(100));
    await said;
    await reader.closed();
    assert.equal(reader.text, "go away");
    assert.match(String(reader.closeError), /Connection to 127.0.0.1:\d+ broke/);
    assert.equal(socket.queuedBytes, 0);
  }
});

Deno.test("a write that fails closes a connection whose reader takes nothing", async () => {
  using runtime = testRuntime();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { kind: "tcp", host: "127.0.0.1", port: listener.addr.port } as const;
  for (const isPausedFirst of [true, false]) {
    const [socket, peer] = await Promise.all([
      dial(address, runtime, { timeoutMs: 5000 }),
      listener.accept(),
    ]);
    if (isPausedFirst) socket.pause();
    const reader = new Reader(socket);
    if (!isPausedFirst) socket.pause();
    socket.write(new Uint8Array(16 << 20));
    await peer.read(new Uint8Array(1));
    await peer.write(new TextEncoder().encode("go away"));
    peer.close();
    await until("its close", () => reader.isClosed);
    assert.ok(reader.closeError !== undefined);
  }
});
