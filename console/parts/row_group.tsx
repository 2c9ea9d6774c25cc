/** Some rows of a table: drawn while they are in sight, or a blank of their height. */
import { Component, createRef } from "preact";
import type { ComponentChildren } from "preact";
import type { Eye } from "./eye.ts";

export interface Column<R> {
  readonly id: string;
  readonly title: string;
  /** Right-aligned, largest first at the first click. */
  readonly isNumber?: boolean;
  /** Left out where the page is narrow: 1 first, then 2. */
  readonly minor?: 1 | 2;
  /** In px; where columns have one, the others share the rest and none changes with its content. */
  readonly width?: number;
  /** What it is sorted by; without it, it is not. */
  readonly by?: (row: R) => string | number | null;
  /** Shown for readers only: the column of buttons. */
  readonly isTitleHidden?: boolean;
  readonly cell: (row: R) => ComponentChildren;
}

/** Rows that come and go together. */
export const GROUP_ROWS = 25;
/** A row's height where none was measured, in px, as the style sheet has it. */
const ROW_HEIGHT = 38;

interface GroupProps<R> {
  readonly rows: readonly R[];
  /** How many rows are before it. */
  readonly first: number;
  /** Rows say which one of all they are, as not all are there. */
  readonly isNumbered: boolean;
  readonly columns: readonly Column<R>[];
  readonly keyOf: (row: R) => string;
  readonly eye: Eye;
}

export class RowGroup<R> extends Component<GroupProps<R>> {
  readonly #place = createRef<HTMLTableSectionElement>();
  #isSeen: boolean;
  #height = 0;

  constructor(props: GroupProps<R>) {
    super(props);
    // The first ones are always there: all of a short table, the beginning of a long one.
    this.#isSeen = props.first === 0;
  }

  override componentDidMount(): void {
    if (this.props.first === 0) return;
    const place = this.#place.current!;
    this.props.eye.watch(place, (isSeen) => {
      if (isSeen === this.#isSeen) return;
      if (!isSeen) this.#height = place.offsetHeight;
      this.#isSeen = isSeen;
      this.forceUpdate();
    });
  }

  override componentWillUnmount(): void {
    this.props.eye.forget(this.#place.current!);
  }

  override shouldComponentUpdate(next: GroupProps<R>): boolean {
    return this.#isSeen || next.rows.length !== this.props.rows.length;
  }

  override render() {
    const { rows, first, isNumbered, columns, keyOf } = this.props;
    if (!this.#isSeen) {
      const height = this.#height || rows.length * ROW_HEIGHT;
      return (
        <tbody ref={this.#place} aria-hidden="true">
          <tr>
            <td colSpan={columns.length} style={{ height: `${height}px` }} />
          </tr>
        </tbody>
      );
    }
    return (
      <tbody ref={this.#place}>
        {rows.map((row, i) => (
          <Row
            key={keyOf(row)}
            row={row}
            columns={columns}
            index={isNumbered ? first + i + 2 : undefined}
          />
        ))}
      </tbody>
    );
  }
}

interface RowProps<R> {
  readonly row: R;
  readonly columns: readonly Column<R>[];
  /** Among all rows, the head is 1; undefined where all are there. */
  readonly index: number | undefined;
}

class Row<R> extends Component<RowProps<R>> {
  override shouldComponentUpdate({ row, index }: RowProps<R>): boolean {
    return row !== this.props.row || index !== this.props.index;
  }

  override render() {
    const { row, columns, index } = this.props;
    return (
      <tr {...(index !== undefined && { "aria-rowindex": index })}>
        {columns.map((column, i) =>
          i === 0
            ? <th key={column.id} scope="row" class={classOf(column)}>{column.cell(row)}</th>
            : <td key={column.id} class={classOf(column)}>{column.cell(row)}</td>
        )}
      </tr>
    );
  }
}

/** The class of a column's cells. */
export function classOf<R>({ isNumber, minor }: Column<R>): string {
  return `${isNumber ? "number" : ""} ${minor === undefined ? "" : `minor-${minor}`}`.trim();
}
