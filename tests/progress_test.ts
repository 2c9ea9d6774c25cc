import assert from "node:assert/strict";
import { ByteProgress, ProgressLine, progressText } from "../lib/progress.ts";
import { TextOutput } from "./cli/run_cli.ts";

class Terminal extends TextOutput {
  override readonly isTerminal: boolean = true;
}

const MEBIBYTE = 1 << 20;
const ERASE_LINE = "\r\x1b[K";

Deno.test("a terminal sees how far a large file is, and the line is clean at the end", async () => {
  const terminal = new Terminal();
  const bar = new ByteProgress(terminal, "decoding", 64 * MEBIBYTE);
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
  const bar = new ByteProgress(terminal, "decoding", undefined);
  await bar.advance(MEBIBYTE);
  assert.equal(terminal.text, "");
  await bar.advance(40 * MEBIBYTE);
  assert.match(terminal.text, /decoding 43 MB, \d+ MB\/s$/);
});

Deno.test("no bar for small files, nor where nobody looks", async () => {
  for (const [output, total] of [[new Terminal(), MEBIBYTE], [new TextOutput(), 1e9]] as const) {
    const bar = new ByteProgress(output, "decoding", total);
    await bar.advance(total);
    await bar.clear();
    assert.equal(output.text, "");
  }
});

Deno.test("a line is cut to the terminal's width, and has no colours", async () => {
  const terminal = Object.assign(new Terminal(), { width: 20 });
  const line = new ProgressLine(terminal);
  await line.draw("a line of more than twenty characters");
  assert.equal(terminal.text, `${ERASE_LINE}a line of more than…`.replace("than…", "tha…"));
  assert.ok(terminal.text.length - ERASE_LINE.length < 20);
  await line.clear();
  // deno-lint-ignore no-control-regex
  assert.ok(!/\x1b\[[0-9;]*m/.test(terminal.text));
});

Deno.test("progressText() leaves the bar out where there is no room", () => {
  assert.equal(
    progressText("soak", 0.5, "2 of 4 min", 80).length,
    "soak  50 %, 2 of 4 min".length + 32,
  );
  assert.equal(progressText("soak", 0.5, "2 of 4 min", 24), "soak 50 %, 2 of 4 min");
  assert.match(progressText("soak", 0.5, "2 of 4 min", 36), /^soak \[#+\.+\] 50 %, 2 of 4 min$/);
  assert.match(progressText("x", 7, ""), / 100 %/);
});

Deno.test("a line that follows work draws itself after a moment, on a terminal only", async () => {
  const terminal = new Terminal();
  using line = new ProgressLine(terminal);
  line.follow((elapsedMs) => `waiting ${(elapsedMs / 1000).toFixed(1)} s`);
  const pipe = new TextOutput();
  using silent = new ProgressLine(pipe);
  silent.follow(() => "never");
  while (!terminal.text.includes("waiting")) await new Promise((done) => setTimeout(done, 20));
  await line.clear();
  assert.ok(terminal.text.endsWith(ERASE_LINE));
  assert.equal(pipe.text, "");
});
