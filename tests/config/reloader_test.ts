import assert from "node:assert/strict";
import { Reloader } from "../../lib/config/reloader.ts";
import { silentLog } from "../../lib/log.ts";
import { TimerWheel } from "../../lib/timer.ts";
import { Scratch } from "./support.ts";

/** A reloader of a file whose text is its settings; text that starts with "!" is refused. */
class Rig implements AsyncDisposable {
  readonly scratch = new Scratch();
  readonly timers = new TimerWheel(5);
  readonly applied: string[] = [];
  readonly loaded: string[] = [];
  readonly #waiting = new Set<() => void>();
  path = "";
  reloader!: Reloader<string>;

  async start(text: string): Promise<void> {
    this.path = await this.scratch.write("settings", text);
    this.reloader = new Reloader(text, {
      files: () => new Map([[this.path, undefined]]),
      load: async () => {
        const loaded = await Deno.readTextFile(this.path);
        this.loaded.push(loaded);
        this.#changed();
        if (loaded.startsWith("!")) throw new Error(`cannot use ${loaded}`);
        return loaded;
      },
      apply: (settings) => {
        this.applied.push(settings);
        this.#changed();
        return Promise.resolve();
      },
      log: silentLog,
      timers: this.timers,
    });
    await this.reloader.reload();
    assert.deepEqual(this.loaded, []);
  }

  /** Resolves when `isTrue` holds. */
  async when(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #changed(): void {
    for (const run of this.#waiting) run();
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reloader.close();
    this.timers.close();
    await this.scratch[Symbol.asyncDispose]();
  }
}

Deno.test("a changed file is read and applied without being asked", async () => {
  await using rig = new Rig();
  await rig.start("1");
  await Deno.writeTextFile(rig.path, "two");
  await rig.when(() => rig.applied.length > 0);
  assert.deepEqual(rig.applied, ["two"]);
});

Deno.test("a reload without a change does nothing", async () => {
  await using rig = new Rig();
  await rig.start("1");
  await rig.reloader.reload();
  await rig.reloader.reload();
  assert.deepEqual([rig.loaded, rig.applied], [[], []]);
  assert.equal(rig.reloader.status.reloads, 0);
});

Deno.test("a file that is renamed over the old one is seen", async () => {
  await using rig = new Rig();
  await rig.start("1");
  await Deno.rename(await rig.scratch.write("new", "2"), rig.path);
  await rig.when(() => rig.applied.includes("2"));
});

Deno.test("a link whose target is switched is seen, as Kubernetes does it", async () => {
  await using rig = new Rig();
  const folder = rig.scratch.path;
  await Deno.mkdir(`${folder}/v1`);
  await Deno.mkdir(`${folder}/v2`);
  await rig.scratch.write("v1/settings.yaml", "1");
  await rig.scratch.write("v2/settings.yaml", "2");
  await Deno.symlink("v1", `${folder}/..data`);
  await rig.start("1");
  await Deno.remove(rig.path);
  await Deno.symlink("..data/settings.yaml", rig.path);
  await rig.when(() => rig.applied.includes("1"));
  await Deno.symlink("v2", `${folder}/..data_tmp`);
  await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
  await rig.when(() => rig.applied.includes("2"));
});

Deno.test("what cannot be used leaves the old settings, and says since when", async () => {
  await using rig = new Rig();
  await rig.start("1");
  await Deno.writeTextFile(rig.path, "!bad");
  await rig.when(() => rig.loaded.length > 0);
  await rig.reloader.reload();
  const { failures, lastError, failingSince, reloads } = rig.reloader.status;
  assert.ok(failures >= 1);
  assert.equal(reloads, 0);
  assert.equal(lastError, "cannot use !bad");
  assert.ok(failingSince instanceof Date);
  // What was refused is tried again when somebody asks: the reason may have gone.
  await rig.reloader.reload();
  assert.ok(rig.reloader.status.failures > failures);
  assert.equal(rig.reloader.status.failingSince, failingSince);
  await Deno.writeTextFile(rig.path, "good");
  await rig.when(() => rig.applied.length > 0);
  await rig.reloader.reload();
  assert.equal(rig.reloader.status.lastError, undefined);
  assert.deepEqual(rig.applied, ["good"]);
});

Deno.test("a file that is written piece by piece is read when it is whole", async () => {
  await using rig = new Rig();
  await rig.start("1");
  // Faster than it settles: nothing in between is ever read.
  for (const text of ["a", "ab", "abc", "abcd", "abcde"]) await Deno.writeTextFile(rig.path, text);
  await rig.when(() => rig.applied.length > 0);
  assert.deepEqual(rig.applied, ["abcde"]);
});

Deno.test("a file that goes away leaves the old settings", async () => {
  await using rig = new Rig();
  await rig.start("1");
  await Deno.remove(rig.path);
  await rig.reloader.reload();
  assert.match(rig.reloader.status.lastError ?? "", /No such file/);
  assert.deepEqual(rig.applied, []);
});
