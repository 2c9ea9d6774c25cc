/** Pages as lists of command lines, in the order in which a reader would enter them. */

/** One command line of a page. */
export interface Step {
  /** Of the page, from 1. */
  readonly number: number;
  /** As it stands: with continuations, and with the lines of a here-document. */
  readonly text: string;
}

/** Every command line in the ```sh blocks of a page. */
export function stepsOf(markdown: string): Step[] {
  const lines = markdown.split("\n");
  const steps: Step[] = [];
  let isShell = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!.trimStart();
    if (line.startsWith("```")) {
      isShell = line === "```sh";
      continue;
    }
    if (!isShell || line === "" || line.startsWith("#")) continue;
    const indent = lines[at]!.length - line.length;
    const from = at;
    while (/[\\|]$/.test(lines[at]!)) at++;
    const end = /<<-?\s*'?(\w+)'?/.exec(lines[from]!)?.[1];
    if (end !== undefined) { while (lines[at]!.trim() !== end) at++; }
    const text = lines.slice(from, at + 1).map((each) => each.slice(indent)).join("\n");
    steps.push({ number: from + 1, text });
  }
  return steps;
}

/** What a command line does to the world. */
export type StepKind = "server" | "agent" | "service" | "once";

/** Programs that go on until they are ended, besides servers and agents. */
const GOES_ON = [
  /\brevtun top\b/,
  /--follow\b/,
  /\.listen\(/,
  /\bsshd\b.* -D\b/,
  /\bdnsmasq\b.* -k\b/,
  /^node \S+ serve$/,
];

/** What it is by its words. */
export function kindOf({ text }: Step): StepKind {
  if (/--(help|dry-run)\b/.test(text)) return "once";
  if (/\brevtun server\b/.test(text)) return "server";
  if (/\brevtun agent\b/.test(text)) return "agent";
  return GOES_ON.some((pattern) => pattern.test(text)) ? "service" : "once";
}
