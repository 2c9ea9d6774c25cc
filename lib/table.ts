/** Tables for terminals: columns as wide as they need to be, lines as wide as there is room. */
import { printable } from "./printable.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right; false by default. */
  readonly isRight?: boolean;
  /** May be cut where the line is too long; false by default. */
  readonly isCuttable?: boolean;
  /** Of what is cut the end stays too: names differ there. False by default. */
  readonly isName?: boolean;
  /** Left out where the line has no room for it, the highest first; never if undefined. */
  readonly spareRank?: number;
}

/** Narrowest that a column is cut to. */
const MIN_CUT_WIDTH = 6;
/** Width below which a column is not cut as long as others can be left out. */
const READABLE_WIDTH = 24;
const GAP = "  ";

/**
 * Lays rows out under their columns' titles, each line at most `width` characters: spare columns are
 * left out, and what is still too long is cut, with `…` at its end or within names, the longest
 * cuttable one first.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const all = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const kept = choose(columns, columns.map((_, at) => widthOf(all, at)), width);
  const shown = kept.map((at) => columns[at]!);
  const cells = all.map((row) => kept.map((at) => row[at] ?? ""));
  const widths = shown.map((_, at) => widthOf(cells, at));
  shrink(widths, shown, width);
  const lines = cells.map((row) =>
    shown.map((column, at) => {
      const short = column.isName ? cutMiddle : cut;
      const text = short(row[at] ?? "", widths[at]!);
      const space = " ".repeat(widths[at]! - lengthOf(text));
      return column.isRight ? space + text : text + space;
    }).join(GAP).trimEnd()
  );
  return `${lines.map((line) => cut(line, width)).join("\n")}\n`;
}

/** Indexes of the columns that there is room for. */
function choose(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  const kept = [...columns.keys()];
  const needed = () =>
    kept.reduce((sum, at) => {
      const isCuttable = columns[at]!.isCuttable === true;
      return sum + (isCuttable ? Math.min(widths[at]!, READABLE_WIDTH) : widths[at]!) + GAP.length;
    }, -GAP.length);
  const spare = kept.filter((at) => columns[at]!.spareRank !== undefined)
    .sort((a, b) => columns[b]!.spareRank! - columns[a]!.spareRank!);
  while (needed() > width && spare.length > 0) kept.splice(kept.indexOf(spare.shift()!), 1);
  return kept;
}

function widthOf(cells: readonly (readonly string[])[], at: number): number {
  return cells.reduce((widest, row) => Math.max(widest, lengthOf(row[at] ?? "")), 0);
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

function cutMiddle(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  const tail = width - 1 - head;
  return `${characters.slice(0, head).join("")}…${
    characters.slice(characters.length - tail).join("")
  }`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
