/**
 * `npm run compile`, `deno task compile`: dist/revtun, one executable.
 *
 *     --portable      the self-extracting form in any case
 *     --bundle-only   dist/revtun.js alone: what the npm package holds
 *     --out=FOLDER    there instead of in dist
 */
import { RUN_FLAGS } from "./run_flags.mjs";
import { makePortable } from "./portable.ts";
import { routeFlags } from "./route.ts";

const FOLDER = Deno.args.find((arg) => arg.startsWith("--out="))?.slice("--out=".length) ?? "dist";
const BUNDLE = `${FOLDER}/revtun.js`;
const PROGRAM = `${FOLDER}/revtun${Deno.build.os === "windows" ? ".exe" : ""}`;
/** Renamed into place when done: a program that runs from the old file goes on. */
const UNFINISHED = `${FOLDER}/unfinished-revtun${Deno.build.os === "windows" ? ".exe" : ""}`;

await Deno.mkdir(FOLDER, { recursive: true });
await makeBundle();
if (!Deno.args.includes("--bundle-only")) {
  const isPortable = Deno.args.includes("--portable") || !await isCompiled();
  if (isPortable) await writePortable();
  const { size } = await Deno.stat(PROGRAM);
  print(`${PROGRAM}: ${Math.round(size / 1e6)} MB${isPortable ? ", portable form" : ""}`);
}

async function makeBundle(): Promise<void> {
  const { success, stderr } = await deno(["bundle", ...routeFlags(), "-o", BUNDLE, "main.ts"]);
  if (!success) fail(`Cannot bundle:\n${stderr}`);
}

/** False if deno's base binary for `compile` cannot be had here. */
async function isCompiled(): Promise<boolean> {
  const { success, stderr } = await deno([
    "compile",
    "--no-config",
    "--no-lock",
    ...RUN_FLAGS,
    "-o",
    UNFINISHED,
    BUNDLE,
  ]);
  if (success) {
    await Deno.rename(UNFINISHED, PROGRAM);
    return true;
  }
  // Whoever names a base binary wants that one, not another form.
  if (Deno.env.get("DENORT_BIN") || !/denort/.test(stderr)) fail(`Cannot compile:\n${stderr}`);
  print(
    "deno compile cannot download denort here (DENORT_BIN would name one): making the portable form",
  );
  return false;
}

async function writePortable(): Promise<void> {
  if (Deno.build.os === "windows") fail("The portable form is a shell script: not for Windows");
  const parts = await makePortable({
    deno: await Deno.readFile(Deno.execPath()),
    bundle: await Deno.readFile(BUNDLE),
    runFlags: RUN_FLAGS,
  });
  const file = await Deno.open(UNFINISHED, { write: true, create: true, truncate: true });
  for (const part of parts) await new Blob([part as BufferSource]).stream().pipeTo(sink(file));
  file.close();
  await Deno.chmod(UNFINISHED, 0o755);
  await Deno.rename(UNFINISHED, PROGRAM);
}

function sink(file: Deno.FsFile): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(chunk) {
      let rest = chunk;
      while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    },
  });
}

async function deno(args: string[]): Promise<{ success: boolean; stderr: string }> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    stdout: "null",
  }).output();
  return { success, stderr: new TextDecoder().decode(stderr) };
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function fail(message: string): never {
  print(message);
  Deno.exit(1);
}
