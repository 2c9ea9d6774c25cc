/** Bar charts as SVG, readable on light and on dark ground. */
import { formatQuantity } from "./table.ts";

/** Bars side by side. */
export interface BarGroup {
  readonly label: string;
  readonly bars: readonly { readonly label: string; readonly value: number }[];
}

/** A chart of one unit. */
export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly BarGroup[];
}

const WIDTH = 760;
const LABEL_WIDTH = 120;
const VALUE_WIDTH = 70;
const BAR_HEIGHT = 16;
const GAP = 4;
const GROUP_HEAD = 28;
const TOP = 36;
/** A grey that stands out from white and from black. */
const INK = "#7a7f87";
const OURS = "#1f8a70";
const OTHERS = "#9aa5b1";
const DIRECT = "#d0d4d9";

/** Draws horizontal bars, those of revtun marked; values that are not known have none. */
export function barChart({ title, unit, groups }: BarChart): string {
  const largest = Math.max(0, ...groups.flatMap((one) => one.bars.map(({ value }) => value || 0)));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const lines: string[] = [];
  let y = TOP;
  for (const { label, bars } of groups) {
    lines.push(text(0, y + 16, label, "font-weight='bold'"));
    y += GROUP_HEAD;
    for (const bar of bars) {
      const width = largest > 0 && bar.value > 0 ? Math.max(1, bar.value / largest * room) : 0;
      const middle = y + BAR_HEIGHT - 4;
      lines.push(
        text(LABEL_WIDTH - 8, middle, bar.label, "text-anchor='end'"),
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" ` +
          `fill="${colourOf(bar.label)}"/>`,
        text(LABEL_WIDTH + width + 6, middle, formatQuantity(bar.value), ""),
      );
      y += BAR_HEIGHT + GAP;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" ` +
    `width="${WIDTH}" height="${y + 8}" role="img" font-family="system-ui, sans-serif" ` +
    `font-size="13" fill="${INK}">\n` +
    `<title>${escapeXml(title)}</title>\n` +
    `${text(0, 18, `${title}, ${unit}`, "font-size='15'")}\n${lines.join("\n")}\n</svg>\n`;
}

function colourOf(peer: string): string {
  if (peer.startsWith("revtun")) return OURS;
  return peer === "direct" ? DIRECT : OTHERS;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;
}

function escapeXml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (char) => entities[char]!);
}
