/** What `revtun top` shows: pictures of a server and keys in, text of a screen out. */
import { roughDuration } from "../lib/duration.ts";
import { printable } from "../lib/printable.ts";
import { formatSize } from "../lib/size.ts";
import { formatTable } from "../lib/table.ts";
import type { Answer, ANSWERS, HostAnswer } from "./admin_answers.ts";
import type { Key } from "./read_keys.ts";
import { plural } from "../lib/plural.ts";

export type PictureAnswer = Answer<typeof ANSWERS.picture>;

/** A host with its rates between the last two pictures. */
interface Row {
  readonly host: HostAnswer;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
}

const SORTS = ["name", "req/s", "in flight", "RTT"] as const;
type Sort = typeof SORTS[number];

const COLUMNS = [
  { title: "HOST", isCuttable: true, isName: true },
  { title: "STATE" },
  { title: "WEIGHT", isRight: true, spareRank: 5 },
  { title: "CONNS", isRight: true, spareRank: 4 },
  { title: "IN FLIGHT", isRight: true, spareRank: 1 },
  { title: "REQ/S", isRight: true },
  { title: "BYTES/S", isRight: true, spareRank: 3 },
  { title: "RTT", isRight: true, spareRank: 2 },
];
/** Lines around the hosts: the head, an empty one, titles, an empty one, keys. */
const OTHER_LINES = 5;

/** Before the first picture. */
const NO_STATUS = { "uptime_ms": 0, hosts: 0, away: 0, clients: 0 };

const CLEAR = "\x1b[2J\x1b[H";
const BEGIN = "\x1b[?25l\x1b[H";
const SHOW_CURSOR = "\x1b[?25h";
const TO_LINE_END = "\x1b[K";
const TO_SCREEN_END = "\x1b[J";
const INVERSE = "\x1b[7m";
const PLAIN = "\x1b[0m";

/** Clears the screen and gives the cursor back. */
export function clearFrame(): string {
  return `${CLEAR}${SHOW_CURSOR}`;
}

/** Rates are over at least so long. */
const MIN_RATE_SECONDS = 0.9;

/** The state of the view. */
export class TopView {
  #picture: PictureAnswer | undefined;
  #rows: Row[] = [];
  /** By cluster and id: what the picture before said. */
  #before = new Map<string, HostAnswer>();
  #beforeMs = 0;
  #sort: Sort = "name";
  #filter = "";
  #isTyping = false;
  /** Key of the chosen host: it keeps its place however the others move. */
  #chosen: string | undefined;
  #note = "";
  /** Why no pictures come any more; "" while they do. */
  #trouble = "";

  /** The chosen host; undefined once it has left: none is chosen in its place. */
  get selected(): HostAnswer | undefined {
    return this.#visible().find(({ host }) => keyOf(host) === this.#chosen)?.host;
  }

  /** Shows `text` in place of the keys until the next one is pressed. */
  note(text: string): void {
    this.#note = text;
  }

  /** No pictures come, for this reason: the last one stays in sight. */
  lost(reason: string): void {
    this.#trouble = reason;
  }

  /** Takes a picture of `/api/v1/live`. */
  update(picture: PictureAnswer): void {
    const nowMs = Date.parse(picture.ts);
    const seconds = (nowMs - this.#beforeMs) / 1000;
    // Between two seconds it is told who came and who left: rates over less would say nothing.
    const isBetween = seconds > 0 && seconds < MIN_RATE_SECONDS;
    const rows = new Map(isBetween ? this.#rows.map((row) => [keyOf(row.host), row]) : []);
    this.#rows = picture.hosts.map((host): Row => {
      const known = rows.get(keyOf(host));
      if (known !== undefined) return { ...known, host };
      const before = this.#before.get(keyOf(host));
      const rate = (of: (host: HostAnswer) => number) =>
        before === undefined || seconds <= 0 ? 0 : Math.max(0, of(host) - of(before)) / seconds;
      return {
        host,
        requestsPerSecond: rate((each) => each.requests),
        bytesPerSecond: rate((each) => each.received_bytes + each.sent_bytes),
      };
    });
    if (!isBetween) {
      this.#before = new Map(picture.hosts.map((host) => [keyOf(host), host]));
      this.#beforeMs = nowMs;
    }
    this.#picture = picture;
    this.#trouble = "";
    this.#chosen ??= this.#first();
  }

  /** Takes a key; says what is to be done beyond showing it. */
  press(key: Key): "quit" | "drain" | undefined {
    this.#note = "";
    if (key === "ctrl-c") return "quit";
    if (this.#isTyping) return this.#type(key);
    switch (key) {
      case "q":
        return "quit";
      case "d":
        if (this.selected !== undefined) return "drain";
        this.#note = "no host is chosen: choose one by the arrows";
        break;
      case "s":
        this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length]!;
        break;
      case "/":
        this.#isTyping = true;
        break;
      case "escape":
        this.#filter = "";
        break;
      case "up":
      case "k":
        this.#move(-1);
        break;
      case "down":
      case "j":
        this.#move(1);
        break;
    }
    return undefined;
  }

  /** The whole screen, written over what was there. */
  frame(width: number, height: number): string {
    const lines = this.#lines(width);
    const room = Math.max(1, height - OTHER_LINES);
    const rows = this.#visible();
    const at = rows.findIndex(({ host }) => host === this.selected);
    // The chosen line stays in sight.
    const first = Math.min(Math.max(0, at - (room >> 1)), Math.max(0, rows.length - room));
    const shown = lines.hosts.slice(first, first + room)
      .map((line, index) =>
        first + index === at ? `${INVERSE}${line.padEnd(width)}${PLAIN}` : line
      );
    const note = this.#note || this.#trouble;
    const filter = `/ filter${this.#filter && ` (${this.#filter})`}`;
    const keys = note !== ""
      ? printable(note)
      : this.#isTyping
      ? `filter: ${this.#filter}_`
      : fitting(width, [
        `s sort (${this.#sort})  ${filter}  d drain or undrain  q quit`,
        `s sort (${this.#sort})  ${filter}  d drain  q quit`,
        `s ${this.#sort}  ${filter}  d  q`,
      ]);
    return BEGIN +
      [lines.head, "", lines.titles, ...shown, "", keys.slice(0, width)]
        .map((line) => `${line}${TO_LINE_END}`).join("\r\n") +
      TO_SCREEN_END;
  }

  /** The picture as text, for files and pipes. */
  plain(width: number): string {
    const { head, titles, hosts } = this.#lines(width);
    return [head, "", titles, ...hosts, ""].join("\n");
  }

  #lines(width: number): { head: string; titles: string; hosts: string[] } {
    const status = this.#picture?.status ?? NO_STATUS;
    const requests = this.#rows.reduce((sum, row) => sum + row.requestsPerSecond, 0);
    const bytes = this.#rows.reduce((sum, row) => sum + row.bytesPerSecond, 0);
    const isPart = this.#rows.length < status.hosts;
    const hosts = plural(status.hosts, "host") +
      (isPart ? ` (the busiest ${this.#rows.length} shown)` : "");
    const passing = `${requests.toFixed(0)} req/s, ${formatSize(Math.round(bytes))}/s`;
    const present = `${hosts}, ${status.away} away, ${plural(status.clients, "client")}`;
    const head = fitting(width, [
      `revtun, up ${roughDuration(status.uptime_ms)}: ${present}, ${passing}`,
      `${present}, ${passing}`,
      `${hosts}, ${status.away} away, ${passing}`,
      `${hosts}, ${passing}`,
    ]);
    const rows = this.#visible().map(({ host, requestsPerSecond, bytesPerSecond }) => [
      `${host.cluster}/${host.name}`,
      host.state,
      host.weight_by_operator === null ? String(host.weight) : `${host.weight}*`,
      String(host.connections.length),
      String(host.in_flight),
      requestsPerSecond.toFixed(0),
      formatSize(Math.round(bytesPerSecond)),
      host.rtt_ms === null ? "-" : `${host.rtt_ms.toFixed(1)} ms`,
    ]);
    const [titles = "", ...lines] = formatTable(COLUMNS, rows, width).trimEnd().split("\n");
    return { head, titles, hosts: lines };
  }

  #visible(): Row[] {
    const wanted = this.#filter.toLowerCase();
    const rows = this.#rows.filter(({ host }) =>
      `${host.cluster}/${host.name} ${host.state}`.toLowerCase().includes(wanted)
    );
    switch (this.#sort) {
      case "name":
        return rows;
      case "req/s":
        return rows.sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
      case "in flight":
        return rows.sort((a, b) => b.host.in_flight - a.host.in_flight);
      case "RTT":
        return rows.sort((a, b) => (b.host.rtt_ms ?? 0) - (a.host.rtt_ms ?? 0));
    }
  }

  #move(by: number): void {
    const rows = this.#visible();
    const at = rows.findIndex(({ host }) => host === this.selected);
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (next !== undefined) this.#chosen = keyOf(next.host);
  }

  /** Key of the first host that is shown. */
  #first(): string | undefined {
    const [first] = this.#visible();
    return first === undefined ? undefined : keyOf(first.host);
  }

  #type(key: Key): undefined {
    if (key === "enter") this.#isTyping = false;
    else if (key === "escape") {
      this.#isTyping = false;
      this.#filter = "";
    } else if (key === "backspace") this.#filter = this.#filter.slice(0, -1);
    else if ([...key].length === 1) this.#filter += key;
    if (this.selected === undefined) this.#chosen = this.#first();
    return undefined;
  }
}

/** The first text that `width` has room for, else what it has of the last one. */
function fitting(width: number, texts: readonly string[]): string {
  return (texts.find((text) => text.length <= width) ?? texts.at(-1)!).slice(0, width);
}

function keyOf(host: HostAnswer): string {
  return `${host.cluster}/${host.id}`;
}
