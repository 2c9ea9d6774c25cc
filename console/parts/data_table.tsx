/** A table that is sorted by its heads, and touches only the rows that changed. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Eye } from "./eye.ts";
import { SortArrow } from "./icons.tsx";
import { classOf, GROUP_ROWS, RowGroup } from "./row_group.tsx";
import type { Column } from "./row_group.tsx";

export type { Column } from "./row_group.tsx";

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

export function DataTable<R>(props: Props<R>) {
  const { columns, keyOf } = props;
  const sort = useSignal<Sort | undefined>(props.sort);
  // Rows must not run away from under a pointer, nor from under the keyboard's focus.
  const held = useRef(false);
  const shown = useRef<{ sort: Sort | undefined; keys: readonly string[] }>({
    sort: undefined,
    keys: [],
  });
  const eye = useMemo(() => new Eye(), []);
  useEffect(() => () => eye.close(), []);
  const isKept = held.current && shown.current.sort === sort.value;
  const rows = isKept
    ? inOrder(props.rows, keyOf, shown.current.keys)
    : sorted(props.rows, columns, sort.value);
  shown.current = { sort: sort.value, keys: rows.map(keyOf) };
  const isFixed = columns.some(({ width }) => width !== undefined);
  const isLong = rows.length > GROUP_ROWS;

  const hold = (isHeld: boolean) => () => held.current = isHeld;
  const choose = (column: Column<R>) => {
    const first = column.isNumber ? "descending" : "ascending";
    const other = column.isNumber ? "ascending" : "descending";
    const isFirst = sort.value?.id !== column.id || sort.value.direction !== first;
    sort.value = { id: column.id, direction: isFirst ? first : other };
  };
  return (
    <div class="table-frame">
      <table
        class={isFixed ? "fixed" : ""}
        {...(isLong && { "aria-rowcount": rows.length + 1 })}
        onPointerEnter={hold(true)}
        onPointerLeave={hold(false)}
        onFocusIn={hold(true)}
        onFocusOut={hold(false)}
      >
        <caption class={props.isCaptionHidden ? "hidden" : ""}>{props.caption}</caption>
        {isFixed && (
          <colgroup>
            {columns.map((column) => (
              <col
                key={column.id}
                class={classOf(column)}
                {...(column.width && { style: { width: `${column.width}px` } })}
              />
            ))}
          </colgroup>
        )}
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
        {groupsOf(rows).map((group, i) => (
          <RowGroup
            key={i}
            rows={group}
            first={i * GROUP_ROWS}
            isNumbered={isLong}
            columns={columns}
            keyOf={keyOf}
            eye={eye}
          />
        ))}
        {rows.length === 0 && (
          <tbody>
            <tr>
              <td class="empty-row" colSpan={columns.length}>{props.empty}</td>
            </tr>
          </tbody>
        )}
      </table>
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

function groupsOf<R>(rows: readonly R[]): readonly (readonly R[])[] {
  const groups: (readonly R[])[] = [];
  for (let i = 0; i < rows.length; i += GROUP_ROWS) groups.push(rows.slice(i, i + GROUP_ROWS));
  return groups;
}
