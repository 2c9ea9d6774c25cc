/** The latest events of the log, fetched while somebody looks at them. */
import { signal } from "@preact/signals";
import { get } from "./api.ts";
import { listOf, numberOf, objectOf, textOf, timeOf } from "./read.ts";
import type { Json } from "./read.ts";

export interface LogEvent {
  readonly id: number;
  readonly timeMs: number | null;
  readonly level: string;
  readonly name: string;
  readonly message: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The newest first. */
export const events = signal<readonly LogEvent[]>([]);

/** Events that are kept here; the server keeps as many. */
const MAX_EVENTS = 1000;

/** Fetches what came since the last time. @throws {ApiError} */
export async function refreshEvents(): Promise<void> {
  const lastId = events.value[0]?.id;
  const query = lastId === undefined ? "limit=500" : `limit=1000&after=${lastId}`;
  const answer = await get(`events?${query}`);
  // A server that was started anew counts from 1 again.
  if (lastId !== undefined && numberOf(answer["last_id"]) < lastId) {
    events.value = [];
    return await refreshEvents();
  }
  const fresh = listOf(answer["items"]).map(readEvent).reverse();
  if (fresh.length > 0) events.value = [...fresh, ...events.value].slice(0, MAX_EVENTS);
}

function readEvent(json: Json): LogEvent {
  return {
    id: numberOf(json["id"]),
    timeMs: timeOf(json["ts"]),
    level: textOf(json["level"]),
    name: textOf(json["event"]),
    message: textOf(json["message"]),
    fields: Object.entries(objectOf(json["fields"])).map(([name, value]) =>
      [name, typeof value === "string" ? value : JSON.stringify(value) ?? ""] as const
    ),
  };
}
