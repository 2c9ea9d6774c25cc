import assert from "node:assert/strict";
import { ListenError } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { listen } from "../../lib/transport/listen.ts";
import { clearSocketPath } from "../../lib/transport/socket_path.ts";

async function inFolder(
  test: (path: string, listenAt: (path: string) => ReturnType<typeof listen>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const runtime: Runtime = createRuntime(silentLog);
  try {
    await test(`${folder}/s.sock`, (path) =>
      listen({ kind: "unix", path }, runtime, {
        onConnection: (connection) => connection.close(),
      }));
  } finally {
    runtime.timers.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("listen() on a Unix socket lets its user alone in, and removes it at the end", async () => {
  await inFolder(async (path, listenAt) => {
    const listener = listenAt(path);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    await listener.close();
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  });
});

Deno.test("clearSocketPath() removes what nobody listens on", async () => {
  await inFolder(async (path, listenAt) => {
    // What a program leaves that was killed: the runtime finds nothing to remove at the close.
    const left = Deno.listen({ transport: "unix", path });
    await Deno.rename(path, `${path}.moved`);
    left.close();
    await Deno.rename(`${path}.moved`, path);
    assert.equal((await Deno.lstat(path)).isSocket, true);
    await clearSocketPath({ kind: "unix", path });
    const listener = listenAt(path);
    await listener.close();
  });
});

Deno.test("clearSocketPath() takes nobody's place, and no other file", async () => {
  await inFolder(async (path, listenAt) => {
    const listener = listenAt(path);
    await assert.rejects(clearSocketPath({ kind: "unix", path }), /in use by another program/);
    (await Deno.connect({ transport: "unix", path })).close();
    await listener.close();
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(
      clearSocketPath({ kind: "unix", path }),
      (error: unknown) => error instanceof ListenError && /no socket/.test(error.message),
    );
    assert.equal(await Deno.readTextFile(path), "precious");
  });
});
