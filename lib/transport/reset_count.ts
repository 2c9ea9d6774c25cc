/** Resets that this machine has sent, as its kernel counts them. */

const PATH = "/proc/net/snmp";

/** Reads the count again and again, also once the program may open no such files any more. */
export class ResetCount implements Disposable {
  readonly #file: Deno.FsFile | undefined = openIfThere();

  /**
   * Connections that the kernel has reset so far, in this network namespace; undefined where it does
   * not tell. Source: Linux, /proc/net/snmp, `Tcp: … OutRsts`.
   */
  read(): number | undefined {
    if (this.#file === undefined) return undefined;
    const buffer = new Uint8Array(16_384);
    try {
      this.#file.seekSync(0, Deno.SeekMode.Start);
      const count = this.#file.readSync(buffer) ?? 0;
      return parseOutRsts(new TextDecoder().decode(buffer.subarray(0, count)));
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

/** Reads the field of `/proc/net/snmp`; undefined if it is not there. */
export function parseOutRsts(text: string): number | undefined {
  const [names, values] = text.split("\n").filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  const value = Number(values?.[names?.indexOf("OutRsts") ?? -1]);
  return Number.isFinite(value) ? value : undefined;
}

function openIfThere(): Deno.FsFile | undefined {
  try {
    return Deno.openSync(PATH);
  } catch {
    return undefined;
  }
}
