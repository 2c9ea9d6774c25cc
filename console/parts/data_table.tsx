/** A table that is sorted by its heads, and touches only the rows that changed. */
import { useSignal } from "@preact/signals";
import { Component } from "preact";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { formatCount } from "../lib/format.ts";
import { SortArrow } from "./icons.tsx";

export interface Column<R> {
  readonly id: string;
  readonly title: string;
  /** Right-aligned, largest first at the first click. */
  readonly isNumber?: boolean;
  /** Left out where the page is narrow: 1 first, then 2. */
  readonly minor?: 1 | 2;
  /** What it is sorted by; without it, it is not. */
  readonly by?: (row: R) => string | number | null;
  /** Shown for readers only: the column of buttons. */
  readonly isTitleHidden?: boolean;
  readonly cell: (row: R) => ComponentChildren;
}

interface Props<R> {
  readonly caption: string;
  readonly isCaptionHidden?: boolean;
  /** The first one names the row. */
  readonly columns: readonly Column<R>[];
  /** Rows that have not changed are the same objects as before. */
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string;
  /** Shown in the place of rows that are not. */
  readonly empty: ComponentChildren;
  /** Sorted so at first; by default as given. */
  readonly sort?: Sort;
}

interface Sort {
  readonly id: string;
  readonly direction: "ascending" | "descending";
}

/** Rows that are drawn at first. */
const FIRST_ROWS = 100;

export function DataTable<R>(props: Props<R>) {
  const { columns, keyOf } = props;
  const sort = useSignal<Sort | undefined>(props.sort);
  const isWhole = useSignal(false);
  // Rows must not run away from under a pointer, nor from under the keyboard's focus.
  const held = useRef(false);
  const shown = useRef<{ sort: Sort | undefined; keys: readonly string[] }>({
    sort: undefined,
    keys: [],
  });
  const isKept = held.current && shown.current.sort === sort.value;
  const rows = isKept
    ? inOrder(props.rows, keyOf, shown.current.keys)
    : sorted(props.rows, columns, sort.value);
  shown.current = { sort: sort.value, keys: rows.map(keyOf) };
  const drawn = isWhole.value ? rows : rows.slice(0, FIRST_ROWS);

  const hold = (isHeld: boolean) => () => held.current = isHeld;
  const choose = (column: Column<R>) => {
    const first = column.isNumber ? "descending" : "ascending";
    const other = column.isNumber ? "ascending" : "descending";
    const isFirst = sort.value?.id !== column.id || sort.value.direction !== first;
    sort.value = { id: column.id, direction: isFirst ? first : other };
  };
  return (
    <div class="table-frame">
      <table onPointerEnter={hold(true)} onPointerLeave={hold(false)}>
        <caption class={props.isCaptionHidden ? "hidden" : ""}>{props.caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head
                key={column.id}
                column={column}
                direction={sort.value?.id === column.id ? sort.value.direction : undefined}
                onChoose={() => choose(column)}
              />
            ))}
          </tr>
        </thead>
        <tbody onFocusIn={hold(true)} onFocusOut={hold(false)}>
          {drawn.map((row) => <Row key={keyOf(row)} row={row} columns={columns} />)}
          {rows.length === 0 && (
            <tr>
              <td class="empty-row" colSpan={columns.length}>{props.empty}</td>
            </tr>
          )}
        </tbody>
      </table>
      {drawn.length < rows.length && (
        <p class="more">
          <button type="button" class="button" onClick={() => isWhole.value = true}>
            Show all {formatCount(rows.length)}
          </button>
        </p>
      )}
    </div>
  );
}

function Head<R>(props: {
  column: Column<R>;
  direction: Sort["direction"] | undefined;
  onChoose: () => void;
}) {
  const { column, direction } = props;
  return (
    <th scope="col" class={classOf(column)} {...(direction && { "aria-sort": direction })}>
      {column.by === undefined
        ? <span class={column.isTitleHidden ? "hidden" : ""}>{column.title}</span>
        : (
          <button type="button" class="sorter" onClick={props.onChoose}>
            {column.title}
            <SortArrow direction={direction} />
          </button>
        )}
    </th>
  );
}

class Row<R> extends Component<{ row: R; columns: readonly Column<R>[] }> {
  override shouldComponentUpdate(next: { row: R; columns: readonly Column<R>[] }): boolean {
    return next.row !== this.props.row || next.columns !== this.props.columns;
  }

  override render() {
    const { row, columns } = this.props;
    return (
      <tr>
        {columns.map((column, i) =>
          i === 0
            ? <th key={column.id} scope="row" class={classOf(column)}>{column.cell(row)}</th>
            : <td key={column.id} class={classOf(column)}>{column.cell(row)}</td>
        )}
      </tr>
    );
  }
}

function classOf<R>({ isNumber, minor }: Column<R>): string {
  return `${isNumber ? "number" : ""} ${minor === undefined ? "" : `minor-${minor}`}`.trim();
}

function sorted<R>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  sort: Sort | undefined,
): readonly R[] {
  const by = columns.find(({ id }) => id === sort?.id)?.by;
  if (by === undefined) return rows;
  const sign = sort!.direction === "ascending" ? 1 : -1;
  // What is unknown stands last, either way. Equal rows stay in their order.
  return [...rows].sort((a, b) => {
    const left = by(a);
    const right = by(b);
    if (left === right) return 0;
    if (left === null) return 1;
    if (right === null) return -1;
    return left < right ? -sign : sign;
  });
}

/** Rows in the order of before, new ones behind them. */
function inOrder<R>(
  rows: readonly R[],
  keyOf: (row: R) => string,
  keys: readonly string[],
): readonly R[] {
  const left = new Map(rows.map((row) => [keyOf(row), row]));
  const known = keys.flatMap((key) => {
    const row = left.get(key);
    left.delete(key);
    return row === undefined ? [] : [row];
  });
  return [...known, ...left.values()];
}
