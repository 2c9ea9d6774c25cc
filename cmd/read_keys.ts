/** Keys of a terminal, one by one. */

/** A key as its letter, or by its name. */
export type Key = string;

const NAMES: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1b[B": "down",
  "\x1bOA": "up",
  "\x1bOB": "down",
  "\x1b[5~": "page-up",
  "\x1b[6~": "page-down",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "ctrl-c",
};

/** Takes what a terminal sent apart: names for keys that have one, else single characters. */
export function keysOf(text: string): Key[] {
  // deno-lint-ignore no-control-regex -- a terminal's keys start with one
  const parts = text.match(/\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])?|[^\x1b]/gu) ?? [];
  return parts.map((part) => NAMES[part] ?? part).filter((key) => !key.startsWith("\x1b"));
}

/**
 * Calls `onKey` for each key until `signal`, when the terminal is as it was before. Without a
 * terminal at stdin there are no keys.
 */
export async function readKeys(signal: AbortSignal, onKey: (key: Key) => void): Promise<void> {
  if (!Deno.stdin.isTerminal() || signal.aborted) return;
  Deno.stdin.setRaw(true);
  const reader = Deno.stdin.readable.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      keysOf(decoder.decode(value, { stream: true })).forEach(onKey);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    Deno.stdin.setRaw(false);
  }
}
