/** A request's way as it would be, drawn: client, frontend, route, cluster, hosts by their share. */
import { useId } from "preact/hooks";
import { formatShare } from "../lib/format.ts";
import { numberOf, textOf } from "../lib/read.ts";
import type { Json } from "../lib/read.ts";

interface Props {
  readonly asked: string;
  readonly frontend: string;
  readonly route: string;
  readonly cluster: string;
  readonly target: string;
  /** Of the server's own answer; null where a host would be asked. */
  readonly status: number | null;
  readonly hosts: readonly Json[];
}

/** Hosts that are drawn; the table below has them all. */
const MAX_HOSTS = 5;
const ROW = 58;
const BOX = 32;
const WIDTH = 880;
/** Left edges of the columns, and their width. */
const COLUMN = [0, 230, 460, 690] as const;
const BOX_WIDTH = 190;

export function RoutePicture(props: Props) {
  const id = useId();
  const { frontend, route, cluster, target, status } = props;
  const sorted = [...props.hosts].sort((a, b) => numberOf(b["share"]) - numberOf(a["share"]));
  const hosts = sorted.slice(0, MAX_HOSTS);
  const more = sorted.length - hosts.length;
  const rows = Math.max(1, hosts.length + (more > 0 ? 1 : 0));
  const height = rows * ROW + 26;
  const middle = 22 + (rows * ROW) / 2;
  const end = status === null ? `cluster ${cluster}` : `answer ${status}`;
  return (
    <div class="picture" tabIndex={0} role="group" aria-label="The request's way">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-labelledby={`${id}-t ${id}-d`}>
        <title id={`${id}-t`}>The way of {props.asked}</title>
        <desc id={`${id}-d`}>
          From the client to frontend {frontend}, by route {route}, to {end}
          {hosts.map((host) => `, host ${textOf(host["name"])} ${textOf(host["verdict"])}`)}.
        </desc>
        <g aria-hidden="true">
          <Box x={COLUMN[0]} y={middle} title="Frontend" text={frontend} />
          <Arrow from={COLUMN[0] + BOX_WIDTH} to={COLUMN[1]} y={middle} />
          <Box x={COLUMN[1]} y={middle} title="Route" text={route} />
          <Arrow from={COLUMN[1] + BOX_WIDTH} to={COLUMN[2]} y={middle} />
          {status === null
            ? (
              <Box
                x={COLUMN[2]}
                y={middle}
                title={target === "" ? "Cluster" : `Cluster, target ${target}`}
                text={cluster}
              />
            )
            : <Box x={COLUMN[2]} y={middle} title="Answer" text={String(status)} kind="bad" />}
          {status === null && hosts.map((host, i) => {
            const y = 22 + ROW * i + ROW / 2;
            const share = numberOf(host["share"]);
            const isCandidate = host["verdict"] === "candidate";
            return (
              <g key={textOf(host["id"])}>
                <path
                  class={isCandidate ? "way" : "way none"}
                  style={{ "stroke-width": String(isCandidate ? 1.5 + share * 5 : 1.25) }}
                  d={curve(COLUMN[2] + BOX_WIDTH, middle, COLUMN[3], y)}
                />
                <Box
                  x={COLUMN[3]}
                  y={y}
                  title={isCandidate ? formatShare(share) : textOf(host["verdict"])}
                  text={textOf(host["name"])}
                  kind={isCandidate ? "good" : "dim"}
                />
              </g>
            );
          })}
          {status === null && more > 0 && (
            <text class="label" x={COLUMN[3] + 10} y={22 + ROW * hosts.length + ROW / 2 + 4}>
              and {more} more
            </text>
          )}
        </g>
      </svg>
    </div>
  );
}

function Box(props: { x: number; y: number; title: string; text: string; kind?: string }) {
  const { x, y, title, text, kind } = props;
  return (
    <g class={`box ${kind ?? ""}`}>
      <text class="label" x={x + 2} y={y - BOX / 2 - 5}>{cut(title, 30)}</text>
      <rect x={x + 0.75} y={y - BOX / 2} width={BOX_WIDTH - 1.5} height={BOX} rx="6" />
      <text class="text" x={x + 10} y={y + 4.5}>{cut(text, 24)}</text>
    </g>
  );
}

function Arrow(props: { from: number; to: number; y: number }) {
  return <path class="way" d={`M${props.from} ${props.y}H${props.to - 1}`} />;
}

function curve(fromX: number, fromY: number, toX: number, toY: number): string {
  const middle = (fromX + toX) / 2;
  return `M${fromX} ${fromY}C${middle} ${fromY} ${middle} ${toY} ${toX} ${toY}`;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${[...text].slice(0, length - 1).join("")}…` : text;
}
