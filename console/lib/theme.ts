/** Dark or light: as the system has it, unless chosen here. */
import { effect, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "revtun-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(readTheme());
/** Counts up when the colours change: charts are drawn anew. */
export const paint = signal<number>(0);

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  paint.value = paint.peek() + 1;
  try {
    if (theme.value === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme.value);
  } catch {
    // Storage is switched off: chosen for this page only.
  }
});
system.addEventListener("change", () => paint.value += 1);

/**
 * The value of a colour, as `style/tokens.css` names it, for what is drawn on a canvas. The name's
 * own value has both themes' colours: an element that uses it has the one that is shown.
 */
export function colorOf(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function readTheme(): Theme {
  try {
    return THEMES.find((known) => known === localStorage.getItem(KEY)) ?? "system";
  } catch {
    return "system";
  }
}
