import assert from "node:assert/strict";
import { printable } from "../lib/printable.ts";
import { formatTable } from "../lib/table.ts";

const COLUMNS = [
  { title: "HOST", isCuttable: true },
  { title: "REQ", isRight: true },
  { title: "REASON", isCuttable: true },
];

Deno.test("formatTable() aligns columns, numbers at the right", () => {
  assert.equal(
    formatTable(COLUMNS, [["edge-a/till-7", "5", "reset"], ["b", "12345", ""]], 80),
    [
      "HOST             REQ  REASON",
      "edge-a/till-7      5  reset",
      "b              12345",
      "",
    ].join("\n"),
  );
});

Deno.test("formatTable() cuts the longest columns until the line fits", () => {
  const row = ["edge-a/till-7", "5", "the connection was reset by the peer"];
  const text = formatTable(COLUMNS, [row], 40);
  assert.equal(
    text,
    [
      "HOST           REQ  REASON",
      "edge-a/till-7    5  the connection was …",
      "",
    ].join("\n"),
  );
  for (const width of [1, 10, 20, 33]) {
    for (const line of formatTable(COLUMNS, [row], width).trimEnd().split("\n")) {
      assert.ok([...line].length <= width, `${width}: ${line}`);
    }
  }
});

Deno.test("formatTable() keeps both ends of names that it cuts", () => {
  const columns = [{ title: "HOST", isCuttable: true, isName: true }, { title: "STATE" }];
  const rows = ["shop-17", "shop-18"].map((
    name,
  ) => [`edge-a/till-of-a-far-away-${name}`, "active"]);
  assert.equal(
    formatTable(columns, rows, 28),
    [
      "HOST                  STATE",
      "edge-a/ti…ay-shop-17  active",
      "edge-a/ti…ay-shop-18  active",
      "",
    ].join("\n"),
  );
});

Deno.test("formatTable() leaves spare columns out before it cuts what is to be read", () => {
  const columns = [
    { title: "HOST", isCuttable: true },
    { title: "STATE" },
    { title: "REQUESTS", isRight: true, spareRank: 2 },
    { title: "RTT", isRight: true, spareRank: 1 },
  ];
  const rows = [["edge-a.of-a-very-long-name/till-7", "active", "12345", "1.2 ms"]];
  const titles = (width: number) => formatTable(columns, rows, width).split("\n")[0]!.split(/ +/);
  assert.deepEqual(titles(80), ["HOST", "STATE", "REQUESTS", "RTT"]);
  assert.deepEqual(titles(40), ["HOST", "STATE", "RTT"]);
  assert.deepEqual(titles(30), ["HOST", "STATE"]);
  for (const width of [10, 30, 40, 80, 200]) {
    for (const line of formatTable(columns, rows, width).trimEnd().split("\n")) {
      assert.ok([...line].length <= width, `${width}: ${line}`);
    }
  }
});

Deno.test("nothing in a table acts on a terminal", () => {
  assert.equal(
    printable("a\x1b[31mb\nc\u202ed\u2028\x9be"),
    "a\ufffd[31mb\ufffdc\ufffdd\ufffd\ufffde",
  );
  const text = formatTable(COLUMNS, [["\x1b]0;x\x07", "1", "\r"]], 80);
  assert.equal(/\p{Cc}/u.test(text.replaceAll("\n", "")), false);
});
