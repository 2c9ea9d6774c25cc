/** Where a request spent its time, drawn: its stations, and below them a bar for each part. */
import { useId } from "preact/hooks";
import { formatMs } from "../lib/format.ts";
import type { PastRequest } from "../lib/requests.ts";

const WIDTH = 880;
const STATION_WIDTH = 176;
const STATION_STEP = (WIDTH - STATION_WIDTH) / 3;
const TOP = 22;
const BOX = 34;
const BARS_TOP = TOP + BOX + 26;
const ROW = 25;
/** Where bars begin and end; before them their names, behind them their times. */
const BAR_LEFT = 130;
const BAR_WIDTH = WIDTH - BAR_LEFT - 90;

/** What each part is, for who points at it. */
const MEANINGS = [
  "From the head's first byte until it was known where the request goes",
  "Until there was a stream for it",
  "There and back between server and agent",
  "The agent's connecting to the target; none where a connection was there",
  "Until the target began its answer",
  "From the answer's first byte to the end",
];

export function HopPicture({ request }: { request: PastRequest }) {
  const id = useId();
  const { hops, durationMs } = request;
  const stations = [
    { title: "Client", text: request.client || "unknown" },
    { title: "Frontend", text: request.frontend },
    { title: "Host", text: request.host || "none" },
    { title: "Target", text: request.host === "" ? "not reached" : request.target },
  ];
  const reached = request.host === "" ? 2 : 4;
  const total = Math.max(durationMs, hops.reduce((sum, { ms }) => sum + ms, 0), 0.001);
  let before = 0;
  return (
    <div class="picture" tabIndex={0} role="group" aria-label="Where the request spent its time">
      <svg
        viewBox={`0 0 ${WIDTH} ${BARS_TOP + hops.length * ROW + 6}`}
        role="img"
        aria-labelledby={`${id}-t ${id}-d`}
      >
        <title id={`${id}-t`}>{`${request.method} ${request.path}: ${formatMs(durationMs)}`}</title>
        <desc id={`${id}-d`}>
          {hops.map(({ title, ms }) =>
            `${title} ${formatMs(ms)}`
          ).join(", ")}
        </desc>
        <g aria-hidden="true">
          {stations.map(({ title, text }, i) => {
            const x = i * STATION_STEP;
            return (
              <g key={title} class={`box ${i < reached ? "" : "dim"}`}>
                {i > 0 && (
                  <path
                    class={i < reached ? "way" : "way none"}
                    d={`M${x - STATION_STEP + STATION_WIDTH} ${TOP + BOX / 2}H${x}`}
                  />
                )}
                <text class="label" x={x + 2} y={TOP - 6}>{title}</text>
                <rect x={x + 0.75} y={TOP} width={STATION_WIDTH - 1.5} height={BOX} rx="6" />
                <text class="text" x={x + 10} y={TOP + BOX / 2 + 4.5}>{cut(text, 22)}</text>
              </g>
            );
          })}
          {hops.map(({ title, ms }, i) => {
            const y = BARS_TOP + i * ROW;
            const x = BAR_LEFT + before / total * BAR_WIDTH;
            const width = Math.max(ms / total * BAR_WIDTH, ms > 0 ? 2 : 0);
            before += ms;
            return (
              <g key={title}>
                <title>{MEANINGS[i]}</title>
                <line
                  class="rule"
                  x1={BAR_LEFT}
                  x2={BAR_LEFT + BAR_WIDTH}
                  y1={y + 20}
                  y2={y + 20}
                />
                <text class="label" x={2} y={y + 14}>{title}</text>
                <rect class={`hop hop-${i}`} x={x} y={y + 3} width={width} height="14" rx="3" />
                <text class="label end" x={WIDTH - 2} y={y + 14}>
                  {ms === 0 ? "0" : formatMs(ms)}
                </text>
              </g>
            );
          })}
        </g>
      </svg>
    </div>
  );
}

function cut(text: string, length: number): string {
  return text.length > length ? `${[...text].slice(0, length - 1).join("")}…` : text;
}
