/** `revtun top` in a terminal, with keys, as docs/images/top.svg shows it. */
import assert from "node:assert/strict";
import { missingPrograms } from "../programs.ts";
import { captureTop, pictureOfTop } from "../docs/run/capture_top.ts";

const missing = await missingPrograms("tmux");

Deno.test({
  name: `top shows two clusters under load, and drains the chosen host by a key${
    missing.length > 0 ? " (needs tmux)" : ""
  }`,
  ignore: missing.length > 0,
  fn: async () => {
    const shown = await captureTop();
    // deno-lint-ignore no-control-regex -- as a terminal has them
    const lines = shown.replaceAll(/\x1b\[[\d;]*m/g, "").trimEnd().split("\n");
    assert.match(lines[0]!, /^revtun, up .*: 5 hosts, 0 away, \d+ clients, \d+ req\/s, /);
    assert.match(lines[2]!, /^HOST +STATE +WEIGHT +CONNS +IN FLIGHT +REQ\/S +BYTES\/S +RTT$/);
    // deno-lint-ignore no-control-regex -- inverse video
    assert.match(shown, /\x1b\[7m.*edge-a\/till-8 +draining/);
    assert.match(lines.at(-1)!, /^s sort \(name\) .*q quit$/);
    // The docs have the same screen, of another time.
    const drawn = await Deno.readTextFile(new URL("../../docs/images/top.svg", import.meta.url));
    const shape = (svg: string) =>
      svg.replaceAll(/>[^<]*</g, "><").replaceAll(/textLength="[^"]*"/g, "");
    assert.equal(shape(drawn), shape(pictureOfTop(shown)));
  },
});
