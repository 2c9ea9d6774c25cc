import assert from "node:assert/strict";
import { formatTraceparent, parseTraceparent } from "../../lib/codec/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test.each([["00", false], ["01", true], ["02", false], ["ff", true]] as const)(
  "parseTraceparent() takes flags %s",
  (flags, isSampled) => {
    const parent = parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`);
    assert.deepEqual(parent, { traceId: TRACE, spanId: SPAN, isSampled });
    assert.equal(formatTraceparent(parent!), `00-${TRACE}-${SPAN}-${isSampled ? "01" : "00"}`);
  },
);

Deno.test.each([
  "",
  "what is this",
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `01-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01\r\nx: y`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-1`,
])("parseTraceparent() passes over %s", (text) => {
  assert.equal(parseTraceparent(text), undefined);
});
