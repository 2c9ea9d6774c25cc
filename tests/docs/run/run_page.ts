/** Runs a page as a reader would: line by line, each in the terminal of its machine. */
import assert from "node:assert/strict";
import { kindOf } from "./steps.ts";
import type { Step } from "./steps.ts";
import { openWorld } from "./world.ts";
import type { Machine, Running, World } from "./world.ts";

/** What a page takes for given, and what its lines have to print. */
export interface PageSpec {
  /** Programs that its lines start, besides those that every machine has. */
  readonly needs?: readonly string[];
  /** Shell: what the reader has there already, such as certificates. Run in the cloud. */
  readonly given?: string;
  /** Lines that go on beside the page's own, from its start: services that it speaks of. */
  readonly services?: readonly (readonly [machine: Machine, line: string])[];
  /** What a line that matches has to print, sooner or later. */
  readonly prints?: readonly (readonly [line: RegExp, output: RegExp])[];
  /** Lines that have to fail, with this exit code. */
  readonly fails?: readonly (readonly [line: RegExp, code: number])[];
  /** Lines that are for the edge, besides agents and services. */
  readonly atEdge?: readonly RegExp[];
  /** Names that lead to the cloud. */
  readonly names?: readonly string[];
  /** Variables that the reader has set. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A line that is not run, and why. */
export type NotRun = readonly [line: RegExp, why: string];

/** Runs every step that is not listed as not run. @throws {Error} one did not do what it should. */
export async function runPage(
  steps: readonly Step[],
  spec: PageSpec,
  path: string,
): Promise<void> {
  await using world = await openWorld({ path, names: spec.names, env: spec.env });
  if (spec.given !== undefined) {
    const { code, output } = await world.run(spec.given);
    assert.equal(code, 0, `what is given: ${output}`);
  }
  for (const [machine, line] of spec.services ?? []) world.start(line, machine);
  const reader = new Reader(world, spec);
  for (const step of steps) await reader.enter(step);
  reader.close();
}

/** Somebody who enters one line after the other. */
class Reader {
  readonly #world: World;
  readonly #spec: PageSpec;
  readonly #used = new Set<RegExp>();
  #server: Running | undefined;
  readonly #agents: Running[] = [];
  /** Variables that the page has set: it is one terminal to its reader. */
  #exports = "";
  /** One that is there all the time, whatever server comes. */
  readonly #hasAgent: boolean;

  constructor(world: World, spec: PageSpec) {
    this.#world = world;
    this.#spec = spec;
    this.#hasAgent = (spec.services ?? []).some(([, line]) => line.startsWith("revtun agent"));
  }

  async enter(step: Step): Promise<void> {
    const { text } = step;
    if (text.startsWith("export ")) {
      this.#exports += `${text}\n`;
      return;
    }
    const place = `line ${step.number}: ${text}`;
    switch (kindOf(step)) {
      case "server":
        return await this.#startServer(text);
      case "agent": {
        const agent = this.#start(text, "edge");
        this.#agents.push(agent);
        return await agent.until((output) =>
          output.includes("event=tunnel.connected") && this.#matches(text, output)
        );
      }
      case "service": {
        const machine = this.#isAtEdge(text) ? "edge" : "cloud";
        const service = this.#start(text, machine);
        return await service.until((output) => this.#matches(text, output));
      }
      case "once":
        return await this.#runOnce(text, place);
    }
  }

  /** @throws {Error} something was expected of a line that is not there. */
  close(): void {
    const { prints = [], fails = [], atEdge = [] } = this.#spec;
    const patterns = [...[...prints, ...fails].map(([pattern]) => pattern), ...atEdge];
    assert.deepEqual(patterns.filter((pattern) => !this.#used.has(pattern)), []);
  }

  /** One server at a time, as its ports have it; the next one gets agents of its own. */
  async #startServer(text: string): Promise<void> {
    const before = this.#server;
    const isTakeover = text.includes("--takeover");
    if (!isTakeover) {
      const ended = [...this.#agents.splice(0), ...(before === undefined ? [] : [before])];
      for (const running of ended) {
        assert.equal(await running.end(), 0, `${running.line}\n${running.output}`);
      }
    }
    const server = this.#server = this.#start(text, "cloud");
    const frontends = Math.max(1, text.split("--listen ").length - 1);
    await server.until((output) =>
      output.includes("event=tunnel.listening") &&
      output.split("event=frontend.listening").length > frontends &&
      (!text.includes("--admin ") || output.includes("event=admin.listening")) &&
      (!this.#hasAgent || output.includes("event=tunnel.registered")) &&
      this.#matches(text, output)
    );
    if (isTakeover && before !== undefined) assert.equal(await before.ended, 0, before.output);
  }

  /** Agents register within moments, and frontends wait for them: no line has to be repeated. */
  async #runOnce(text: string, place: string): Promise<void> {
    const machine = this.#isAtEdge(text) ? "edge" : "cloud";
    const { code, output } = await this.#world.run(this.#exports + text, machine);
    const fails = this.#spec.fails?.find(([pattern]) => pattern.test(text));
    if (fails !== undefined) this.#used.add(fails[0]);
    const context = [this.#server?.output, ...this.#agents.map(({ output }) => output)].join("");
    assert.equal(code, fails?.[1] ?? 0, `${place}\n${output}\n${context}`);
    assert.ok(this.#matches(text, output), `${place} printed:\n${output}\n${context}`);
  }

  #start(text: string, machine: Machine): Running {
    return this.#world.start(this.#exports + text, machine);
  }

  #isAtEdge(text: string): boolean {
    const pattern = this.#spec.atEdge?.find((each) => each.test(text));
    if (pattern !== undefined) this.#used.add(pattern);
    return pattern !== undefined;
  }

  #matches(text: string, output: string): boolean {
    return (this.#spec.prints ?? []).every(([line, expected]) => {
      if (!line.test(text)) return true;
      this.#used.add(line);
      return expected.test(output);
    });
  }
}
