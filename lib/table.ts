/** Tables for terminals: columns as wide as they need to be, lines as wide as there is room. */
import { printable } from "./printable.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right; false by default. */
  readonly isRight?: boolean;
  /** May be cut where the line is too long; false by default. */
  readonly isCuttable?: boolean;
}

/** Narrowest that a column is cut to. */
const MIN_CUT_WIDTH = 6;
const GAP = "  ";

/**
 * Lays rows out under their columns' titles, each line at most `width` characters: what is too long
 * is cut, with `…` at its end, the longest cuttable column first.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => lengthOf(row[at] ?? ""))));
  shrink(widths, columns, width);
  const lines = cells.map((row) =>
    columns.map((column, at) => {
      const text = cut(row[at] ?? "", widths[at]!);
      const space = " ".repeat(widths[at]! - lengthOf(text));
      return column.isRight ? space + text : text + space;
    }).join(GAP).trimEnd()
  );
  return `${lines.map((line) => cut(line, width)).join("\n")}\n`;
}

function shrink(widths: number[], columns: readonly Column[], width: number): void {
  const total = () => widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1));
  while (total() > width) {
    let widest = -1;
    columns.forEach((column, at) => {
      if (!column.isCuttable || widths[at]! <= MIN_CUT_WIDTH) return;
      if (widest === -1 || widths[at]! > widths[widest]!) widest = at;
    });
    if (widest === -1) return;
    widths[widest]! -= 1;
  }
}

function cut(text: string, width: number): string {
  if (lengthOf(text) <= width) return text;
  return `${[...text].slice(0, Math.max(width - 1, 0)).join("")}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
