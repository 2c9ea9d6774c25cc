import assert from "node:assert/strict";
import { ProgressBar } from "../../cmd/progress_bar.ts";
import { TextOutput } from "./run_cli.ts";

class Terminal extends TextOutput {
  override readonly isTerminal: boolean = true;
}

const MEBIBYTE = 1 << 20;
const ERASE_LINE = "\r\x1b[K";

Deno.test("a terminal sees how far a large file is, and the line is clean at the end", async () => {
  const terminal = new Terminal();
  const bar = new ProgressBar(terminal, "decoding", 64 * MEBIBYTE);
  await bar.advance(32 * MEBIBYTE);
  assert.ok(terminal.text.startsWith(ERASE_LINE));
  assert.match(terminal.text, /decoding \[#{15}\.{15}\] 50 %, 34 MB, \d+ MB\/s$/);
  await bar.clear();
  assert.ok(terminal.text.endsWith(ERASE_LINE));
  const { length } = terminal.text;
  await bar.clear();
  assert.equal(terminal.text.length, length);
});

Deno.test("a pipe has no end to show, only bytes and speed", async () => {
  const terminal = new Terminal();
  const bar = new ProgressBar(terminal, "decoding", undefined);
  await bar.advance(MEBIBYTE);
  assert.equal(terminal.text, "");
  await bar.advance(40 * MEBIBYTE);
  assert.match(terminal.text, /decoding 43 MB, \d+ MB\/s$/);
});

Deno.test("no bar for small files, nor where nobody looks", async () => {
  for (const [output, total] of [[new Terminal(), MEBIBYTE], [new TextOutput(), 1e9]] as const) {
    const bar = new ProgressBar(output, "decoding", total);
    await bar.advance(total);
    await bar.clear();
    assert.equal(output.text, "");
  }
});
