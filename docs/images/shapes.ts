/** Shapes of the docs' pictures, in colours for light and dark. */

/** A corner and a size. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const STYLE = `
  text { font: 14px 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; fill: #1d2733 }
  .small { font-size: 12.5px; fill: #52606f } .bold { font-weight: 600 }
  .mono { font-family: ui-monospace, Menlo, 'DejaVu Sans Mono', monospace; font-size: 12.5px }
  .mid { text-anchor: middle } .end { text-anchor: end } .on { fill: #fff } .soft { fill: #e3eefa }
  .card { fill: #fcfcfb; stroke: #d9d8d3 } .plain { fill: #fff; stroke: #9aa7b5 }
  .cloud { fill: #eef4fb; stroke: #c4d7ec } .edge { fill: #fbf3e8; stroke: #ead6b8 }
  .cluster { fill: none; stroke: #b08a4a; stroke-dasharray: 5 4 } .host { fill: #fff; stroke: #7da779 }
  .server { fill: #0b6bcb; stroke: none } .agent { fill: #3f7d3a; stroke: none }
  .old { fill: #7c8794; stroke: none } .pipe { fill: #dbe9db; stroke: #8fb48b }
  .line { stroke: #52606f; fill: none } .life { stroke: #aab4bf; stroke-dasharray: 3 4; fill: none }
  .request { stroke: #0b6bcb; fill: none } .dial { stroke: #3f7d3a; fill: none }
  .refuse { stroke: #b3392f; fill: none } .one { fill: #0b6bcb } .two { fill: #3f7d3a } .three { fill: #a8690f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #a5b1bd } .on { fill: #fff } .soft { fill: #dcebfa }
    .card { fill: #0f151c; stroke: #2c3640 } .plain { fill: #1b2430; stroke: #5c6b7a }
    .cloud { fill: #132235; stroke: #294766 } .edge { fill: #2a2114; stroke: #5b4623 }
    .cluster { stroke: #c79d56 } .host { fill: #17231a; stroke: #5d8a59 }
    .server { fill: #1467b8 } .agent { fill: #3a7335 } .old { fill: #56616d }
    .pipe { fill: #1d3420; stroke: #4f7d4a } .line { stroke: #a5b1bd } .life { stroke: #55616d }
    .request { stroke: #58a6ff } .dial { stroke: #6cbf63 } .refuse { stroke: #f47067 }
    .one { fill: #58a6ff } .two { fill: #6cbf63 } .three { fill: #e0a040 }
  }`;

const HEADS = ["request", "dial", "refuse", "line"].map((kind) =>
  `<marker id="${kind}" viewBox="0 0 10 10" refX="8.5" refY="5" markerWidth="6" markerHeight="6" ` +
  `orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" class="${kind}" ` +
  `style="fill: context-stroke"/></marker>`
).join("\n");

/** A whole picture. `title` is read aloud, `description` says what is to be seen. */
export function picture(
  size: { readonly w: number; readonly h: number },
  title: string,
  description: string,
  shapes: readonly string[],
): string {
  const { w, h } = size;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-labelledby="t d">
<title id="t">${escaped(title)}</title>
<desc id="d">${escaped(description)}</desc>
<style>${STYLE}
</style>
<defs>
${HEADS}
</defs>
<rect x="1" y="1" width="${w - 2}" height="${h - 2}" rx="12" class="card" stroke-width="1.5"/>
${shapes.join("\n")}
</svg>
`;
}

/** A rectangle of a class. */
export function rect({ x, y, w, h }: Area, kind: string, round = 8): string {
  return `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="${round}" class="${kind}" stroke-width="1.5"/>`;
}

/** A line of text; classes such as "mid small". */
export function text(x: number, y: number, words: string, classes = ""): string {
  return `<text x="${x}" y="${y}"${classes && ` class="${classes}"`}>${escaped(words)}</text>`;
}

/** A box with a title and lines below it, in its middle. */
export function box(
  area: Area,
  kind: string,
  title: string,
  lines: readonly string[] = [],
): string {
  const isDark = /server|agent|old/.test(kind);
  const middle = area.x + area.w / 2;
  const top = area.y + area.h / 2 + 5 - lines.length * 9;
  return [
    rect(area, kind),
    text(middle, top, title, `mid bold${isDark ? " on" : ""}`),
    ...lines.map((line, at) =>
      text(middle, top + 19 + at * 18, line, `mid mono${isDark ? " soft" : " small"}`)
    ),
  ].join("\n");
}

/** An arrow through points; `both` for one that has a head at its start too. */
export function arrow(
  points: readonly (readonly [x: number, y: number])[],
  kind: "request" | "dial" | "refuse" | "line",
  options: { readonly both?: boolean; readonly dashed?: boolean } = {},
): string {
  const path = points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
  return `<path d="${path}" class="${kind}" stroke-width="2.5"${
    options.dashed ? ' stroke-dasharray="6 4"' : ""
  } marker-end="url(#${kind})"${options.both ? ` marker-start="url(#${kind})"` : ""}/>`;
}

/** A line without heads. */
export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<path d="M${x1} ${y1}L${x2} ${y2}" class="${kind}" stroke-width="1.5"/>`;
}

/** A message between two lives of a sequence, with its words above it. */
export function message(
  [from, to]: readonly [number, number],
  y: number,
  words: string,
  kind: "request" | "dial" | "refuse" | "line" = "line",
): string {
  return [
    arrow([[from, y], [to, y]], kind),
    text((from + to) / 2, y - 7, words, "mid small"),
  ].join("\n");
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
