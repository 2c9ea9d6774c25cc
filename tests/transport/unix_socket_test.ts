import assert from "node:assert/strict";
import { join } from "node:path";
import { listen } from "../../lib/transport/listen.ts";
import { clearSocketPath } from "../../lib/transport/socket_path.ts";
import { identityAt, removeSocket } from "../../lib/transport/unix_socket.ts";
import { testRuntime, until } from "../agent/support.ts";

/** Who is asked by a dial of `path`: each listener closes its clients and says its name. */
async function whoListens(path: string): Promise<string> {
  using conn = await Deno.connect({ transport: "unix", path });
  const buffer = new Uint8Array(16);
  const count = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

function listenAs(name: string, path: string, runtime: ReturnType<typeof testRuntime>) {
  return listen({ kind: "unix", path }, runtime, {
    sharing: "join",
    onConnection(connection) {
      connection.attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} });
      connection.write(new TextEncoder().encode(name));
      connection.end();
      connection.resume();
      void until("close", () => true).then(() => setTimeout(() => connection.close(), 50));
    },
  });
}

Deno.test("a Unix socket's path passes to the next listener, and the old one's close leaves it", async () => {
  using runtime = testRuntime();
  const folder = await Deno.makeTempDir();
  const path = join(folder, "f.sock");
  const old = listenAs("old", path, runtime);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.equal(await whoListens(path), "old");
  await clearSocketPath({ kind: "unix", path }, "join");
  const next = listenAs("next", path, runtime);
  assert.equal(await whoListens(path), "next");
  await old.close();
  assert.equal(await whoListens(path), "next");
  await next.close();
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a listener reclaims its path from one that took it, and keeps what is its own", async () => {
  using runtime = testRuntime();
  const folder = await Deno.makeTempDir();
  const path = join(folder, "f.sock");
  const old = listenAs("old", path, runtime);
  old.reclaim!();
  const next = listenAs("next", path, runtime);
  old.reclaim!();
  assert.equal(await whoListens(path), "old");
  await next.close();
  assert.equal(await whoListens(path), "old");
  await old.close();
  old.reclaim!();
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("removeSocket() leaves another's file of the same name", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "a");
  Deno.writeTextFileSync(path, "one");
  const found = identityAt(path);
  Deno.renameSync(path, join(folder, "b"));
  Deno.writeTextFileSync(path, "two");
  removeSocket(path, found);
  assert.equal(Deno.readTextFileSync(path), "two");
  removeSocket(path, identityAt(path));
  assert.equal(identityAt(path), undefined);
  removeSocket(path, undefined);
  await Deno.remove(folder, { recursive: true });
});
