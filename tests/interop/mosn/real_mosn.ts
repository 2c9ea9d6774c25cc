/** A real MOSN process, where the variable MOSN_BIN names its program. */

/** Path of MOSN; undefined where the tests do without it. */
export const MOSN_BIN = Deno.env.get("MOSN_BIN") || undefined;

/** A running MOSN; ends with the block that made it. */
export class RealMosn implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * Starts MOSN by a configuration of this folder.
   *
   * @param ports what stands for the names in capitals: `{ TUNNEL_PORT: 9000 }`.
   */
  static async start(
    config: "server.json" | "agent.json",
    ports: Record<string, number>,
  ): Promise<RealMosn> {
    let text = await Deno.readTextFile(new URL(config, import.meta.url));
    for (const [name, port] of Object.entries(ports)) text = text.replaceAll(name, String(port));
    const folder = await Deno.makeTempDir({ prefix: "revtun-mosn-" });
    await Deno.writeTextFile(`${folder}/${config}`, text);
    const child = new Deno.Command(MOSN_BIN!, {
      args: ["start", "-c", `${folder}/${config}`],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    return new RealMosn(child, folder);
  }

  /** Asks it to end gracefully. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
