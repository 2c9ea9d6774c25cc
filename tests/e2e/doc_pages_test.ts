/** Every command line of the README and of docs/ is entered as a reader would, and does its work. */
import { pathsOfPages, ROOT } from "../docs/pages.ts";
import { NOT_RUN, PAGES } from "../docs/run/page_specs.ts";
import { runPage } from "../docs/run/run_page.ts";
import { stepsOf } from "../docs/run/steps.ts";
import type { Step } from "../docs/run/steps.ts";
import { installRevtun, whyNoWorld } from "../docs/run/world.ts";
import { missingPrograms } from "../programs.ts";

const why = await whyNoWorld();
let installed: Promise<string> | undefined;
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

for (const path of await pathsOfPages()) {
  const all = stepsOf(await Deno.readTextFile(new URL(path, ROOT)));
  if (all.length === 0) continue;
  const spec = PAGES[path] ?? {};
  const reasonOf = ({ text }: Step) => NOT_RUN.find(([line]) => line.test(text))?.[1];
  const steps = all.filter((step) => reasonOf(step) === undefined);
  const left = all.filter((step) => reasonOf(step) !== undefined);
  const leftText = left.map((step) => `${step.text.split(/ *#|\n/)[0]} (${reasonOf(step)})`);
  const missing = await missingPrograms(...(spec.needs ?? []));
  const reasons = [why, missing.length > 0 ? `needs ${missing.join(", ")}` : undefined]
    .filter((reason) => reason !== undefined);
  Deno.test({
    name: `${path}: ${steps.length} command lines do what they say` +
      (left.length > 0 ? `; ${left.length} are not run: ${leftText.join(", ")}` : "") +
      (reasons.length > 0 ? ` (${reasons.join("; ")})` : ""),
    ignore: reasons.length > 0 || steps.length === 0,
    fn: async () => {
      installed ??= installRevtun(folder);
      await runPage(steps, spec, await installed);
    },
  });
}
