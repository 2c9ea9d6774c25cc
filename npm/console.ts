/**
 * `npm run console`: makes `lib/admin/web_console_files.ts` of `console/`.
 *
 *     --measure   measures instead what it costs browser and server: bench/console_bench.ts
 *
 * What is made is committed, so that nobody has to make it before the program runs. A test compares
 * it with its sources.
 */
import { buildConsole, CONSOLE_FILES, renderModule } from "./build_console.ts";

if (Deno.args.includes("--measure")) {
  const { measureConsole } = await import("../bench/console_bench.ts");
  await measureConsole(print);
} else {
  await build();
}

async function build(): Promise<void> {
  const files = await buildConsole();
  await Deno.writeTextFile(CONSOLE_FILES, renderModule(files));
  let total = 0;
  for (const { name, bytes } of files) {
    total += bytes.length;
    print(`${name || "index.html"}: ${(bytes.length / 1000).toFixed(1)} kB`);
  }
  print(`${CONSOLE_FILES}: ${(total / 1000).toFixed(1)} kB in all`);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
