/** What a terminal shows, as a picture for the docs. */

/** Size of a character in the picture. */
const WIDE = 8.43;
const HIGH = 19;
const STYLE = `
  .card { fill: #fcfcfb; stroke: #d9d8d3 } .back { fill: #274a72 }
  text { font: 14px ui-monospace, Menlo, 'DejaVu Sans Mono', monospace; fill: #1d2733 }
  .on { fill: #fff }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0f151c; stroke: #2c3640 } .back { fill: #bcd6f2 }
    text { fill: #e6edf3 } .on { fill: #0f151c }
  }`;

/**
 * Draws the lines of a terminal; of its escape sequences, inverse video counts.
 *
 * @param title read aloud in place of the picture.
 */
export function terminalPicture(shown: string, columns: number, title: string): string {
  const lines = shown.trimEnd().split("\n");
  const [width, height] = [Math.ceil(columns * WIDE) + 32, lines.length * HIGH + 28];
  const rows = lines.map((line, at) => {
    const isInverse = line.includes("\x1b[7m");
    // deno-lint-ignore no-control-regex -- that is what they are
    const text = line.replaceAll(/\x1b\[[\d;]*m/g, "").trimEnd()
      .replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const y = 29 + at * HIGH;
    const back = isInverse
      ? `<rect x="12" y="${y - 14}" width="${width - 24}" height="${HIGH}" class="back"/>\n`
      : "";
    const kind = isInverse ? ' class="on"' : "";
    const length = `textLength="${(([...text].length) * WIDE).toFixed(1)}"`;
    return text === ""
      ? back
      : `${back}<text x="16" y="${y}" xml:space="preserve" ${length}${kind}>${text}</text>\n`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>${STYLE}
</style>
<rect x="1" y="1" width="${width - 2}" height="${
    height - 2
  }" rx="10" class="card" stroke-width="1.5"/>
${rows.join("")}</svg>
`;
}
