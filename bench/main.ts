/**
 * `npm run bench`, `deno task bench`: what revtun does on this machine, by sections.
 *
 *     npm run bench                     all of them
 *     npm run bench -- startup          one or several by name
 */
import { routeFlags } from "../npm/route.ts";
import { formatStartup, measureStartup } from "./startup.ts";

/** A part of the benchmarks: resolves to false if it could not be run. */
type Section = () => Promise<boolean>;

const SECTIONS: Readonly<Record<string, Section>> = {
  /** How fast the program starts, what it takes while idle. */
  startup: async () => {
    await print(formatStartup(await measureStartup()));
    return true;
  },
  /** Codecs and machines without sockets, by `deno bench`. */
  micro: async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["bench", "-A", "-q", "--no-check", ...routeFlags(), "bench/"],
    }).spawn();
    return (await child.status).success;
  },
};

const names = Deno.args.length > 0 ? Deno.args : Object.keys(SECTIONS);
const unknown = names.find((name) => !Object.hasOwn(SECTIONS, name));
if (unknown !== undefined) {
  await print(`No section "${unknown}", there are ${Object.keys(SECTIONS).join(", ")}\n`);
  Deno.exit(2);
}
let isGood = true;
for (const name of names) {
  await print(`--- ${name}\n`);
  isGood = await SECTIONS[name]!() && isGood;
}
Deno.exit(isGood ? 0 : 1);

async function print(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}
