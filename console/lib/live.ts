/** The server as it is now: a picture, then once a second what of it has changed. */
import { batch, signal } from "@preact/signals";
import { withChanges } from "../../lib/admin/live_changes.ts";
import type { Picture } from "../../lib/admin/live_changes.ts";
import { History, readHistory } from "./history.ts";
import { readDeparture, readHost } from "./hosts.ts";
import type { Departure, Host } from "./hosts.ts";
import { listOf, numberOrNull, objectOf, textOf, timeOf } from "./read.ts";
import type { Json } from "./read.ts";

export const status = signal<Json>({});
/** In the order of their names. A host that has not changed is the same object as before. */
export const hosts = signal<readonly Host[]>([]);
/** Hosts that left and are not back, the latest first. */
export const away = signal<readonly Departure[]>([]);
/** The server's clock, ms since 1970, at its last word. */
export const serverNow = signal<number>(Date.now());
/** Says which hosts came and went, for who hears the page instead of seeing it. */
export const news = signal<string>("");

export const history = new History();
/** Counts what charts have to show besides the present. */
export const filled = signal<number>(0);

/** Names that are told at once; of more, their number. */
const MAX_NEWS = 3;

let picture: Picture | undefined;
let lastAway: readonly Json[] = [];
/** Hosts as they were read, by what they were read of. */
const known: WeakMap<Json, Host> = new WeakMap();

/** Takes a message of the stream in. */
export function applyLive(event: string, data: unknown): void {
  const json = objectOf(data);
  const { ts, status, away } = json;
  const part = { ts: textOf(ts), status: objectOf(status) };
  if (event === "live") {
    show({ ...part, hosts: listOf(json["hosts"]), away: listOf(away) }, "whole");
  } else if (event === "change" && picture !== undefined) {
    const changed = listOf(json["changed"]);
    const gone = listOf(json["gone"]);
    const { rows } = json;
    const seconds = numberOrNull(json["seconds"]);
    show(
      withChanges(picture, {
        ...{ ...part, changed, gone },
        ...(away !== undefined && { away: listOf(away) }),
        ...(Array.isArray(rows) && { rows }),
        ...(seconds !== null && { seconds }),
      }),
      // Between the seconds it is told who came and left; rates are as they were.
      seconds === null ? "same" : "next",
    );
  }
}

/** Takes in what an action's answer says of hosts, without waiting for the next message. */
export function applyHosts(items: unknown): void {
  if (picture === undefined) return;
  const { ts } = picture;
  show(withChanges(picture, { ts, status: {}, changed: listOf(items), gone: [] }), "same");
}

/** Takes in what the server saw while this page did not look. */
export function applyHistory(json: Json): void {
  history.fill(readHistory(json));
  filled.value += 1;
}

/** The same of one host. @param items of hosts that share its name, too */
export function applyHostHistory({ key, id }: Host, items: readonly Json[]): void {
  const own = items.find((item) => textOf(item["id"]) === id);
  if (own === undefined) return;
  history.fillHost(key, readHistory(own, true));
  filled.value += 1;
}

/**
 * @param moment the next second, or the first one after some that were not told, or the last one
 *   seen anew
 */
function show(next: Picture, moment: "next" | "whole" | "same"): void {
  const isFirst = picture === undefined;
  picture = next;
  const nowMs = timeOf(next.ts) ?? Date.now();
  const all = next.hosts.map(hostOf)
    .sort((a, b) => order(a.cluster, b.cluster) || order(a.name, b.name) || order(a.id, b.id));
  batch(() => {
    if (!isFirst) tellNews(hosts.value, all);
    status.value = next.status;
    hosts.value = all;
    if (next.away !== lastAway) away.value = next.away.map(readDeparture);
    lastAway = next.away;
    if (moment === "same") return;
    serverNow.value = nowMs;
    history.add(nowMs, all, moment === "whole");
  });
}

function hostOf(json: Json): Host {
  let host = known.get(json);
  if (host === undefined) known.set(json, host = readHost(json));
  return host;
}

function tellNews(before: readonly Host[], now: readonly Host[]): void {
  const keysBefore = new Set(before.map(({ key }) => key));
  const keysNow = new Set(now.map(({ key }) => key));
  const came = now.filter(({ key }) => !keysBefore.has(key));
  const left = before.filter(({ key }) => !keysNow.has(key));
  const parts = [saying(came, "connected"), saying(left, "left")].filter((part) => part !== "");
  if (parts.length > 0) news.value = `${parts.join("; ")}.`;
}

function saying(changed: readonly Host[], verb: string): string {
  if (changed.length === 0) return "";
  if (changed.length > MAX_NEWS) return `${changed.length} hosts ${verb}`;
  return `${changed.map(({ cluster, name }) => `${cluster}/${name}`).join(", ")} ${verb}`;
}

export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
