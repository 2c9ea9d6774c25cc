import assert from "node:assert/strict";
import { SharedBuffer } from "../lib/buffer.ts";
import type { Duplex, Sink } from "../lib/duplex.ts";
import { ForwardingDuplex } from "../lib/forwarding_duplex.ts";

class Plain extends ForwardingDuplex {}

Deno.test("a forwarding duplex passes every call on, either way, as it is", () => {
  const calls: unknown[][] = [];
  const note = (name: string, result?: unknown) => (...args: unknown[]) => {
    calls.push([name, ...args]);
    return result;
  };
  const inner = {
    ...{ name: "inner", queuedBytes: 7, isClosed: false },
    attach: note("attach"),
    write: note("write", true),
    end: note("end"),
    pause: note("pause"),
    resume: note("resume"),
    close: note("close"),
  } as Duplex;
  const sink = {
    onData: note("onData"),
    onEnd: note("onEnd"),
    onDrain: note("onDrain"),
    onClose: note("onClose"),
  } as Sink;
  const duplex = new Plain(inner);
  const bytes = new Uint8Array(1);
  const buffer = new SharedBuffer(bytes);
  const error = new Error("gone");
  assert.deepEqual([duplex.name, duplex.queuedBytes, duplex.isClosed], ["inner", 7, false]);
  duplex.attach(sink);
  assert.equal(duplex.write(bytes, buffer), true);
  duplex.end();
  duplex.pause();
  duplex.resume();
  duplex.close(error);
  duplex.onData(bytes, buffer);
  duplex.onEnd();
  duplex.onDrain();
  duplex.onClose(error);
  // Another sink is the duplex's own matter.
  duplex.attach(sink);
  assert.deepEqual(calls, [
    ["attach", duplex],
    ["write", bytes, buffer],
    ["end"],
    ["pause"],
    ["resume"],
    ["close", error],
    ["onData", bytes, buffer],
    ["onEnd"],
    ["onDrain"],
    ["onClose", error],
  ]);
});
