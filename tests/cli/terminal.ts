/** A real terminal for tests, by tmux: keys go in, what it shows comes out. */
import { outputOf } from "../programs.ts";

/** How to start what runs in a terminal. */
export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A terminal with a program in it. */
export interface Terminal extends AsyncDisposable {
  /** Types `keys`; names such as `Enter` and `Tab` are keys, unless `isLiteral`. */
  type(keys: string, isLiteral?: boolean): Promise<void>;
  /** What it shows; with `isColoured` its escape sequences too. */
  shown(isColoured?: boolean): Promise<string>;
  /** Waits until what it shows matches. @throws {Error} not in time; with what it shows. */
  until(pattern: RegExp, timeoutMs?: number): Promise<string>;
}

/** Opens a terminal and starts `command` in it; disposing of it ends the program. */
export async function openTerminal(
  command: readonly string[],
  { columns, rows, env = {} }: TerminalOptions,
): Promise<Terminal> {
  // A server of its own: no settings of the user's, and nobody else's sessions.
  const socket = `revtun-${crypto.randomUUID()}`;
  const tmux = (...args: string[]): Promise<string> =>
    outputOf("tmux", ["-L", socket, "-f", "/dev/null", ...args], { env: { TMUX: "", ...env } });
  const size = ["-x", `${columns}`, "-y", `${rows}`];
  await tmux("new-session", "-d", ...size, ...command);
  const pid = (await tmux("display-message", "-p", "#{pane_pid}")).trim();
  const shown = (isColoured = false) => tmux("capture-pane", "-p", ...(isColoured ? ["-e"] : []));
  return {
    type: async (keys, isLiteral = false) => {
      await tmux("send-keys", ...(isLiteral ? ["-l"] : []), keys);
    },
    shown,
    async until(pattern, timeoutMs = 30_000) {
      const end = Date.now() + timeoutMs;
      for (;;) {
        const text = await shown();
        if (pattern.test(text)) return text;
        if (Date.now() > end) throw new Error(`${pattern} is not shown:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await tmux("kill-server").catch(() => {});
      // A shell writes its history as it ends: its folder is not to be removed before.
      for (let i = 0; i < 200 && await isRunning(pid); i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** Whether the process is there and more than a zombie; false where there is no `/proc`. */
async function isRunning(pid: string): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/\) Z/.test(stat);
}
