/**
 * The portable form of the program: one executable file that unpacks itself, for machines where
 * `deno compile` cannot get its base binary.
 */
import { createHash } from "node:crypto";
import { createGzip } from "node:zlib";
import { Readable } from "node:stream";

/** What goes into the file. */
export interface PortableParts {
  /** deno's native binary, stripped of nothing: it checks itself. */
  deno: Uint8Array;
  /** The program as one script. */
  bundle: Uint8Array;
  runFlags: readonly string[];
}

/** Builds the file's bytes: a shell script and behind it a gzipped tar. */
export async function makePortable(parts: PortableParts): Promise<Uint8Array[]> {
  const template = await Deno.readTextFile(new URL("./portable_head.sh", import.meta.url));
  const hash = createHash("sha256").update(parts.deno).update(parts.bundle)
    .update(template).update(parts.runFlags.join(" ")).digest("hex").slice(0, 20);
  // The comments are for readers of the source; the head stays readable without them.
  const head = template
    .replaceAll("@HASH@", hash)
    .replaceAll("@RUN_FLAGS@", parts.runFlags.map(quoteForShell).join(" "))
    .replaceAll("@PAYLOAD_LINE@", String(template.split("\n").length));
  const tar = [
    ...tarEntry("revtun.js", parts.bundle, 0o644),
    ...tarEntry("deno", parts.deno, 0o755),
    new Uint8Array(1024),
  ];
  const payload: Uint8Array[] = [];
  for await (const chunk of Readable.from(tar).pipe(createGzip({ level: 9 }))) payload.push(chunk);
  return [new TextEncoder().encode(head), ...payload];
}

function quoteForShell(word: string): string {
  return /^[\w=,.-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A file in the tar format (POSIX ustar): a header of 512 bytes, the content, padding to 512. */
function tarEntry(name: string, content: Uint8Array, mode: number): Uint8Array[] {
  const header = new Uint8Array(512);
  const put = (text: string, offset: number) => {
    header.set(new TextEncoder().encode(text), offset);
  };
  put(name, 0);
  put(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  put("00000000000\0", 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, content, new Uint8Array((512 - content.length % 512) % 512)];
}
