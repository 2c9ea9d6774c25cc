/** Steps of `probe` and `doctor` as people and as machines read them. */
import { escapeControls, printable } from "../lib/printable.ts";
import { ProgressLine } from "../lib/progress.ts";
import type { Step, Verdict } from "../lib/step.ts";
import { wrap } from "../lib/wrap.ts";
import { EXIT } from "./command.ts";
import type { Output } from "./command.ts";

const MARKS: Readonly<Record<Verdict, { word: string; colour: number }>> = {
  ok: { word: "ok  ", colour: 32 },
  warn: { word: "WARN", colour: 33 },
  fail: { word: "FAIL", colour: 31 },
};
const NAME_WIDTH = 9;
const INDENT = "     ";
/** Narrower lines are left to the terminal. */
const MIN_ROOM = 30;

/** Prints steps as they come, or all of them as one JSON object at the end; `using` ends it. */
export class StepPrinter implements Disposable {
  readonly #output: Output;
  readonly #progress: ProgressLine;
  readonly #isJson: boolean;
  readonly #steps: Step[] = [];

  /** @param terminal where it is shown what is under way, if it is one. */
  constructor(output: Output, terminal: Output, isJson: boolean) {
    this.#output = output;
    this.#progress = new ProgressLine(terminal);
    this.#isJson = isJson;
  }

  /** Says what takes its time, until the next step is printed. */
  doing(what: string): void {
    this.#progress.follow((elapsedMs) => `${what}, ${(elapsedMs / 1000).toFixed(1)} s`);
  }

  async print(step: Step): Promise<void> {
    this.#steps.push(step);
    await this.#progress.clear();
    if (!this.#isJson) await this.#output.write(linesOf(step, this.#output));
  }

  /** @param head what the JSON object begins with. */
  async finish(head: Readonly<Record<string, unknown>>): Promise<number> {
    await this.#progress.clear();
    const isGood = this.#steps.length > 0 && this.#steps.every(({ verdict }) => verdict !== "fail");
    if (this.#isJson) {
      const result = { ...head, ok: isGood, steps: this.#steps.map(toJson) };
      await this.#output.write(`${escapeControls(JSON.stringify(result))}\n`);
    }
    return isGood ? EXIT.ok : EXIT.failed;
  }

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]();
  }
}

/** A terminal's lines break between words, and go on below the step's name. */
function linesOf(step: Step, { isColoured, width = Infinity }: Output): string {
  const { word, colour } = MARKS[step.verdict];
  const time = (step.ms === 0 ? "" : `${step.ms} ms`).padStart(10);
  const head = `${step.name.padEnd(NAME_WIDTH)} ${printable(step.subject)}  ${time} `;
  const room = Math.max(MIN_ROOM, width - INDENT.length);
  // The head is one word, however many blanks are in it.
  const [first = "", ...more] = wrap(`${"x".repeat(head.length)} ${printable(step.detail)}`, room);
  const advice = step.advice === undefined ? [] : wrap(printable(step.advice), room);
  const mark = isColoured ? `\x1b[${colour}m${word}\x1b[0m` : word;
  return `${mark} ${`${head}${first.slice(head.length)}`.trimEnd()}\n` +
    [...more, ...advice].map((line) => `${INDENT}${line}\n`).join("");
}

function toJson(step: Step): Record<string, unknown> {
  const { name, subject, verdict, ms, detail, advice, facts } = step;
  const ok = verdict !== "fail";
  return { step: name, address: subject, ok, verdict, ms, detail, advice, ...facts };
}
