import assert from "node:assert/strict";
import { LineQueue } from "../lib/line_queue.ts";

const dropNotice = (count: number) => `dropped ${count}\n`;

Deno.test("LineQueue writes the lines of one turn together and in order", async () => {
  const writes: string[] = [];
  const queue = new LineQueue({
    write: (text) => void writes.push(text),
    maxWaitingLines: 10,
    dropNotice,
  });
  queue.push("a\n");
  queue.push("b\n");
  await queue.flush();
  queue.push("c\n");
  await queue.flush();
  assert.deepEqual(writes, ["a\nb\n", "c\n"]);
});

Deno.test("LineQueue drops what does not fit while a write is under way, and tells later", async () => {
  const writes: string[] = [];
  const gate = Promise.withResolvers<void>();
  const isWriting = Promise.withResolvers<void>();
  const queue = new LineQueue({
    write: async (text) => {
      writes.push(text);
      isWriting.resolve();
      await gate.promise;
    },
    maxWaitingLines: 2,
    dropNotice,
  });
  queue.push("1\n");
  await isWriting.promise;
  for (const line of ["2\n", "3\n", "4\n", "5\n"]) queue.push(line);
  assert.equal(queue.droppedCount, 2);
  gate.resolve();
  await queue.flush();
  assert.deepEqual(writes, ["1\n", "2\n3\ndropped 2\n"]);
});

Deno.test("LineQueue survives a write that fails and counts its lines", async () => {
  const writes: string[] = [];
  let isFull = true;
  const queue = new LineQueue({
    write: (text) => {
      if (isFull) throw new Error("No space left on device");
      writes.push(text);
    },
    maxWaitingLines: 10,
    dropNotice,
  });
  queue.push("lost\n");
  queue.push("lost too\n");
  await queue.flush();
  isFull = false;
  queue.push("kept\n");
  await queue.flush();
  assert.equal(queue.droppedCount, 2);
  assert.deepEqual(writes, ["kept\ndropped 2\n"]);
});

Deno.test("LineQueue.close() gives up on a reader that has stopped", async () => {
  const never = Promise.withResolvers<void>();
  const queue = new LineQueue({ write: () => never.promise, maxWaitingLines: 10, dropNotice });
  queue.push("stuck\n");
  await queue.close();
  queue.push("after the end\n");
  never.resolve();
});
