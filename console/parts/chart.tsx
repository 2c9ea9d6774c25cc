/** A chart over the last minutes, drawn by uPlot, with its figures as text beside it. */
import { signal, useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Measure } from "../lib/history.ts";
import { filled, history, serverNow } from "../lib/live.ts";
import { colorOf, paint } from "../lib/theme.ts";

export interface Line {
  readonly measure: Measure;
  readonly title: string;
  /** As `style/tokens.css` names it. */
  readonly color: string;
  readonly isFilled?: boolean;
}

interface Props {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Key of the host that it is about; of all by default. */
  readonly host?: string;
  /** A value as its figure and on the axis. */
  readonly format: (value: number | null) => string;
  /** What values are counted in, where the format does not say it. */
  readonly unit?: string;
  /** How many of a value's units make one of the axis'; 1 by default. */
  readonly per?: number;
  /** Smallest top of the axis, so that noise near 0 does not look like mountains. */
  readonly minTop: number;
}

const HEIGHT = 132;
/** What is shown at most and at least, in seconds: the first minutes are no sliver at the edge. */
const MAX_WINDOW_S = 600;
const MIN_WINDOW_S = 120;
/** Charts of a page point at the same moment. */
const pointed = signal<number | null>(null);
const together = uPlot.sync("revtun");

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const figures = useComputed(() => {
    serverNow.value;
    filled.value;
    const [times, ...columns] = dataOf(props);
    const at = pointed.value ?? times.length - 1;
    return columns.map((column) => column[at] ?? null);
  });

  useEffect(() => {
    const element = place.current!;
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (plot.current !== undefined && width > 0) plot.current.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, []);

  // Colours are the canvas' own: with others it is made anew.
  useSignalEffect(() => {
    paint.value;
    plot.current?.destroy();
    const element = place.current!;
    plot.current = new uPlot(optionsOf(props, element.clientWidth || 320), dataOf(props), element);
  });
  useSignalEffect(() => {
    serverNow.value;
    filled.value;
    plot.current?.setData(dataOf(props), false);
    rescale(plot.current, props);
  });

  const summary = useComputed(() =>
    `${props.title}, ` +
    props.lines.map(({ title }, i) =>
      `${title.toLowerCase()} ${props.format(figures.value[i] ?? null)} ${props.unit ?? ""}`.trim()
    ).join(", ")
  );
  return (
    <figure class="chart card">
      <figcaption>
        <span class="chart-title">{props.title}</span>
        <span class="chart-figures">
          {props.lines.map((line, i) => (
            <span key={line.measure} class="chart-figure">
              {props.lines.length > 1 && (
                <>
                  <span class={`swatch swatch-${line.measure}`} aria-hidden="true" />
                  <span class="chart-line">{line.title}</span>
                </>
              )}
              <b>{props.format(figures.value[i] ?? null)}</b>
              {props.unit !== undefined && <span class="unit">{props.unit}</span>}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={summary} />
    </figure>
  );
}

function dataOf({ lines, host }: Props): ReturnType<typeof history.lines> {
  return history.lines(lines.map(({ measure }) => measure), host);
}

/** The last minutes up to now, as far as they were seen. */
function windowStart(now: number, first = now): number {
  return Math.max(now - MAX_WINDOW_S, Math.min(first, now - MIN_WINDOW_S));
}

function rescale(plot: uPlot | undefined, { minTop }: Props): void {
  if (plot === undefined) return;
  const now = serverNow.peek() / 1000;
  let top = minTop;
  for (const column of plot.data.slice(1)) {
    for (const value of column) if (value !== null && value! > top) top = value!;
  }
  plot.batch(() => {
    plot.setScale("x", { min: windowStart(now, plot.data[0][0]), max: now });
    plot.setScale("y", { min: 0, max: top * 1.08 });
  });
}

function optionsOf(props: Props, width: number): uPlot.Options {
  const now = serverNow.peek() / 1000;
  const grid = { stroke: colorOf("--grid"), width: 1 };
  const axis: uPlot.Axis = {
    stroke: colorOf("--text-2"),
    font: "11px Inter, system-ui, sans-serif",
    ticks: { show: false },
    grid,
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: together.key },
      drag: { x: false, y: false },
      points: { size: 7 },
      y: false,
    },
    hooks: { setCursor: [(plot) => pointed.value = plot.cursor.idx ?? null] },
    scales: {
      x: { time: true, auto: false, range: (_, min, max) => [min ?? windowStart(now), max ?? now] },
      y: { auto: false, range: (_, min, max) => [min ?? 0, max ?? props.minTop] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        grid: { show: false },
        space: 70,
        incrs: [30, 60, 120, 300],
        // A label that would be cut by the edge is left out.
        values: (plot, splits) =>
          splits.map((at) => plot.valToPos(at, "x") > plot.over.clientWidth - 12 ? "" : clock(at)),
      },
      {
        ...axis,
        size: 44,
        gap: 6,
        space: 36,
        values: (_, splits) => splits.map((value) => shortly(value / (props.per ?? 1))),
      },
    ],
    series: [
      {},
      ...props.lines.map((line): uPlot.Series => {
        const stroke = colorOf(line.color);
        return {
          stroke,
          width: 1.5,
          points: { show: false },
          ...(line.isFilled && { fill: colorOf(`${line.color}-fill`) }),
        };
      }),
    ],
  };
}

function clock(seconds: number): string {
  const date = new Date(seconds * 1000);
  const parts = [date.getHours(), date.getMinutes()];
  if (date.getSeconds() !== 0) parts.push(date.getSeconds());
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function shortly(value: number): string {
  if (value >= 1e9) return `${round(value / 1e9)}G`;
  if (value >= 1e6) return `${round(value / 1e6)}M`;
  if (value >= 1e3) return `${round(value / 1e3)}k`;
  return String(round(value));
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
