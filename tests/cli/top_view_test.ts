import assert from "node:assert/strict";
import type { HostAnswer } from "../../cmd/admin_answers.ts";
import type { PictureAnswer } from "../../cmd/top_view.ts";
import { TopView } from "../../cmd/top_view.ts";

function host(name: string, extra: Record<string, unknown> = {}): HostAnswer {
  return {
    cluster: "edge-a",
    name,
    id: `${name}/1`,
    state: "active",
    weight: 10,
    weight_by_operator: null,
    drained_by_operator: false,
    in_flight: 0,
    requests: 0,
    received_bytes: 0,
    sent_bytes: 0,
    rtt_ms: 1.25,
    connections: [{}, {}],
    ...extra,
  };
}

function picture(second: number, hosts: HostAnswer[]): PictureAnswer {
  return {
    ts: new Date(second * 1000).toISOString(),
    status: { uptime_ms: 61_000, hosts: hosts.length, away: 0, clients: 3 },
    hosts,
    away: [],
  };
}

/** The screen without what moves the cursor. */
function screen(view: TopView, width = 90, height = 20): string[] {
  // deno-lint-ignore no-control-regex -- it is what is taken out
  return view.frame(width, height).replace(/\x1b\[(?!7m|0m)[?0-9;]*[A-Za-z]/g, "").split("\r\n")
    .map((line) => line.trimEnd());
}

Deno.test("TopView shows rates between two pictures", () => {
  const view = new TopView();
  view.update(picture(10, [host("a", { requests: 100, sent_bytes: 1000 })]));
  assert.match(view.plain(90), /edge-a\/a +active +10 +2 +0 +0 +0B +1\.3 ms/);
  view.update(picture(12, [host("a", { requests: 300, sent_bytes: 1000 + (2 << 20) })]));
  assert.match(
    view.plain(90),
    /^revtun, up 1m1s: 1 host, 0 away, 3 clients, 100 req\/s, 1MiB\/s\n/,
  );
  assert.match(view.plain(90), /edge-a\/a +active +10 +2 +0 +100 +1MiB +1\.3 ms/);
  // What is told between two seconds leaves rates as they were.
  view.update(picture(12.2, [host("a", { requests: 301, weight: 11 }), host("b")]));
  assert.match(view.plain(90), /edge-a\/a +active +11 +2 +0 +100 +1MiB/);
  assert.match(view.plain(90), /edge-a\/b +active +10 +2 +0 +0 +0B/);
  // A host that came back counts from 0 again: no negative rate.
  view.update(picture(13, [host("a", { requests: 5 })]));
  assert.match(view.plain(90), / 0 req\/s, 0B\/s\n/);
});

Deno.test("TopView says that pictures do not come any more, until the next one comes", () => {
  const view = new TopView();
  view.update(picture(1, [host("a")]));
  view.lost("127.0.0.1:9901 has ended");
  assert.equal(screen(view).at(-1), "127.0.0.1:9901 has ended");
  assert.match(screen(view)[3]!, /edge-a\/a/);
  view.press("down");
  assert.equal(screen(view).at(-1), "127.0.0.1:9901 has ended");
  view.update(picture(2, [host("a")]));
  assert.match(screen(view).at(-1)!, /^s sort/);
});

Deno.test("TopView keeps the chosen host, sorts, filters and says what to drain", () => {
  const view = new TopView();
  view.update(picture(1, ["a", "b", "c"].map((name) => host(name))));
  assert.equal(view.selected?.name, "a");
  view.press("down");
  view.press("j");
  view.press("down");
  assert.equal(view.selected?.name, "c");
  view.press("up");
  assert.equal(view.selected?.name, "b");
  view.update(picture(2, [host("a"), host("b", { requests: 9 }), host("c", { requests: 50 })]));
  view.press("s");
  const rows = screen(view).filter((line) => line.includes("edge-a/"));
  assert.deepEqual(rows.map((line) => /edge-a\/(\w)/.exec(line)![1]), ["c", "b", "a"]);
  assert.ok(rows[1]!.startsWith("\x1b[7m"), "the chosen line is marked");
  assert.equal(view.press("d"), "drain");
  assert.equal(view.selected?.name, "b");

  for (const key of ["/", "q", "x", "backspace"]) assert.equal(view.press(key), undefined);
  assert.match(screen(view).at(-1)!, /^filter: q_$/);
  view.press("backspace");
  view.press("c");
  view.press("enter");
  assert.equal(screen(view).filter((line) => line.includes("edge-a/")).length, 3);
  view.press("/");
  for (const key of "/c") view.press(key);
  view.press("escape");
  assert.match(screen(view).at(-1)!, /filter {2}d drain/);
  assert.equal(view.press("q"), "quit");
  assert.equal(view.press("ctrl-c"), "quit");
});

Deno.test("TopView drains nobody in the place of a host that has left", () => {
  const view = new TopView();
  view.update(picture(1, ["a", "b", "c"].map((name) => host(name))));
  view.press("down");
  view.update(picture(2, ["a", "c"].map((name) => host(name))));
  assert.ok(view.selected === undefined);
  assert.equal(view.press("d"), undefined);
  assert.match(screen(view).at(-1)!, /^no host is chosen/);
  assert.ok(!screen(view).some((line) => line.includes("\x1b[7m")));
  view.press("down");
  assert.equal((view as TopView).selected?.name, "a");
  assert.equal(view.press("d"), "drain");
});

Deno.test("TopView says on narrow screens what matters most, and no half of it", () => {
  const view = new TopView();
  const hosts = [host("till-of-a-far-away-shop-17"), host("till-of-a-far-away-shop-18")];
  view.update(picture(1, hosts));
  const lines = (width: number) => screen(view, width).map((line) => line.replace("\x1b[7m", ""));
  const [wide, middle, narrow] = [lines(80), lines(60), lines(40)];
  assert.equal(wide[0], "revtun, up 1m1s: 2 hosts, 0 away, 3 clients, 0 req/s, 0B/s");
  assert.equal(middle[0], "revtun, up 1m1s: 2 hosts, 0 away, 3 clients, 0 req/s, 0B/s");
  assert.equal(narrow[0], "2 hosts, 0 away, 0 req/s, 0B/s");
  assert.equal(narrow.at(-1), "s sort (name)  / filter  d drain  q quit");
  assert.match(wide[3]!, /^edge-a\/till\S*…\S*shop-17 +active/);
  assert.match(narrow[4]!, /^edge-a\/t\S*…\S*shop-18 +active/);
});

Deno.test("TopView says that it shows a part of the hosts", () => {
  const view = new TopView();
  const { status, ...rest } = picture(1, [host("a"), host("b")]);
  view.update({ ...rest, status: { ...status, hosts: 2000 } });
  assert.match(view.plain(120), /: 2000 hosts \(the busiest 2 shown\), 0 away/);
});

Deno.test("TopView fits any screen and keeps the chosen host in sight", () => {
  const view = new TopView();
  view.update(picture(1, Array.from({ length: 50 }, (_, i) => host(`till-${i}`))));
  for (let i = 0; i < 40; i++) view.press("down");
  for (const [width, height] of [[90, 20], [40, 10], [10, 6]] as const) {
    const lines = screen(view, width, height);
    assert.ok(lines.length <= height, `${lines.length} lines on ${height}`);
    for (const line of lines) {
      // deno-lint-ignore no-control-regex -- marks have no width
      assert.ok([...line.replace(/\x1b\[\d+m/g, "")].length <= width, line);
    }
    assert.ok(lines.some((line) => line.includes("\x1b[7m")));
  }
  assert.ok(screen(view).some((line) => line.includes("till-40")));
});

Deno.test("TopView shows names of peers as text and notes until the next key", () => {
  const view = new TopView();
  view.update(picture(1, [host("\x1b]0;owned\x07")]));
  assert.ok(!view.frame(90, 20).includes("\x1b]0;"));
  view.note("drain: refused\x1b[2J");
  assert.match(screen(view).at(-1)!, /^drain: refused\ufffd\[2J$/);
  view.press("k");
  assert.match(screen(view).at(-1)!, /^s sort/);
});
