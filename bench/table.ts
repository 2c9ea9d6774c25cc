/** Figures as text: quantities, and tables in Markdown. */

/** A figure with three digits that count: "43.7k", "1244", "2.25", "0.069"; "–" if unknown. */
export function formatQuantity(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 999_500) return `${(value / 1e6).toFixed(size >= 9_995_000 ? 1 : 2)}M`;
  if (size >= 9_995) return `${(value / 1000).toFixed(size >= 99_950 ? 0 : 1)}k`;
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.995 || size === 0) return value.toFixed(2);
  return value.toFixed(3);
}

/** A share as "±4 %"; "" if there was but one run. */
export function formatSpread(spread: number, count: number): string {
  return count < 2 || !Number.isFinite(spread) ? "" : ` ±${(spread * 50).toFixed(0)} %`;
}

/**
 * A table of Markdown as `deno fmt` writes it: columns as wide as their widest cell, all but the
 * first aligned to the right.
 */
export function markdownTable(head: readonly string[], rows: readonly string[][]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(column === 0 ? 3 : 2, ...all.map((row) => [...(row[column] ?? "")].length))
  );
  const line = (row: readonly string[]) =>
    `| ${
      widths.map((width, column) => {
        const cell = row[column] ?? "";
        const fill = " ".repeat(width - [...cell].length);
        return column === 0 ? cell + fill : fill + cell;
      }).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return `${[line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n")}\n`;
}
