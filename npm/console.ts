/**
 * `npm run console`: makes `lib/admin/web_console_files.ts` of `console/`.
 *
 * What is made is committed, so that nobody has to make it before the program runs. A test compares
 * it with its sources.
 */
import { buildConsole, CONSOLE_FILES, renderModule } from "./build_console.ts";

const files = await buildConsole();
await Deno.writeTextFile(CONSOLE_FILES, renderModule(files));
let total = 0;
for (const { name, bytes } of files) {
  total += bytes.length;
  print(`${name}: ${(bytes.length / 1000).toFixed(1)} kB`);
}
print(`${CONSOLE_FILES}: ${(total / 1000).toFixed(1)} kB in all`);

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
