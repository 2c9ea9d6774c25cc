import assert from "node:assert/strict";
import type { Output } from "../../cmd/command.ts";
import { StepPrinter } from "../../cmd/step_lines.ts";
import type { Step } from "../../lib/step.ts";

const STEP: Step = {
  name: "handshake",
  subject: "127.0.0.1:9000",
  verdict: "fail",
  ms: 1.25,
  detail: 'The server refused this agent: no such cluster (cluster "edge-b" is not declared)',
  advice: "declare the cluster on the server, by --cluster, or correct its name",
};

/** What is printed where lines have `width` characters. */
async function printed(width?: number): Promise<string[]> {
  let text = "";
  const output: Output = {
    isTerminal: false,
    isColoured: false,
    ...(width !== undefined && { width }),
    write: (chunk) => Promise.resolve(void (text += chunk)),
  };
  using printer = new StepPrinter(output, output, false);
  await printer.print(STEP);
  return text.trimEnd().split("\n");
}

Deno.test("StepPrinter prints two lines for files and pipes", async () => {
  assert.deepEqual(await printed(), [
    `FAIL handshake 127.0.0.1:9000     1.25 ms  ${STEP.detail}`,
    `     ${STEP.advice}`,
  ]);
});

Deno.test("StepPrinter breaks between words on a terminal, below the step's name", async () => {
  for (const width of [60, 80, 120]) {
    const lines = await printed(width);
    for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
    assert.match(lines[0]!, /^FAIL handshake 127\.0\.0\.1:9000 {5}1\.25 ms {2}The /);
    assert.ok(lines.slice(1).every((line) => /^ {5}\S/.test(line)), lines.join("\n"));
    const words = lines.join(" ").replaceAll(/ +/g, " ");
    assert.ok(words.includes(STEP.detail) && words.endsWith(STEP.advice!), words);
  }
});
