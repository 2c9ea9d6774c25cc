/** Endpoints that server and agent have alike: events and the log's level. */
import type { EventRing, KeptEvent } from "../event_ring.ts";
import type { LogLevel } from "../log.ts";
import type { Runtime } from "../runtime.ts";
import type { AdminRoute } from "./admin_route.ts";
import type { EventStreams } from "./event_stream.ts";
import { Problem } from "./problem.ts";

/** The settings of now, as far as they are looked into here. */
export interface ConfigView {
  /** What became of changed files; null where none is followed. */
  readonly reload: {
    readonly reloads: number;
    readonly failures: number;
    /** Keys of changed settings that count from the next start on. */
    readonly needs_restart: readonly string[];
  } | null;
}

/** What every admin endpoint looks at. */
export interface AdminSource {
  readonly runtime: Runtime;
  /** "revtun/0.1.0" */
  readonly software: string;
  /** Of the runtime's clock. */
  readonly startedMs: number;
  readonly events: EventRing;
  readonly streams: EventStreams;
  /** The log's level, which may be set. */
  logLevel: LogLevel;
  /** The effective settings, secrets masked. */
  configView(): ConfigView;
}

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
const DEFAULT_EVENTS = 100;
const MAX_EVENTS = 1000;

export const COMMON_ROUTES: readonly AdminRoute<AdminSource>[] = [
  {
    method: "GET",
    path: "/healthz",
    summary: "200 while the program runs",
    handle: (_, { startedMs, runtime }) => ({
      status: "ok",
      "uptime_ms": Math.round(runtime.nowMs() - startedMs),
    }),
  },
  {
    method: "GET",
    path: "/api/v1/events",
    summary: "Latest events; with `accept: text/event-stream` also all that come, as they come",
    query: ["after", "limit"],
    handle({ request, query }, { events, streams }) {
      const limit = wholeNumber(query, "limit", { otherwise: DEFAULT_EVENTS, max: MAX_EVENTS });
      const seen = request.headers.get("last-event-id") ?? query.get("after");
      const afterId = seen === null ? undefined : Number(seen);
      if (afterId !== undefined && !Number.isSafeInteger(afterId)) {
        throw new Problem(400, `after is "${seen}", expected an event's id`);
      }
      const isStream = (request.headers.get("accept") ?? "").includes("text/event-stream");
      const past = afterId === undefined
        ? events.latest(limit)
        // A stream that left some out would have a hole before what comes.
        : events.after(afterId, isStream ? MAX_EVENTS : limit);
      if (!isStream) return { items: past.map(eventView), "last_id": events.lastId };
      return streams.respond((sink) => {
        const tell = (event: KeptEvent) =>
          sink.send({ id: event.id, event: "event", data: JSON.stringify(eventView(event)) });
        past.forEach(tell);
        return events.listen(tell);
      });
    },
  },
  {
    method: "GET",
    path: "/api/v1/config",
    summary: "The effective settings, secrets masked",
    handle: (_, source) => source.configView(),
  },
  {
    method: "GET",
    path: "/api/v1/log-level",
    summary: "Least important events that are logged",
    handle: (_, source) => ({ level: source.logLevel }),
  },
  {
    method: "POST",
    path: "/api/v1/log-level",
    summary: "Changes it, until the program ends",
    body: { level: "string" },
    handle({ body }, source) {
      const level = body["level"] as string;
      if (!LEVELS.includes(level)) {
        throw new Problem(422, `level is "${level.slice(0, 50)}", expected ${LEVELS.join(", ")}`);
      }
      source.runtime.log.warn("log.level_changed", "The log's level was changed by an operator", {
        level,
      });
      source.logLevel = level as LogLevel;
      return { level };
    },
  },
];

/** An event as the API gives it. */
export function eventView(event: KeptEvent): Record<string, unknown> {
  const { id, timeMs, level, message, fields } = event;
  return { id, ts: new Date(timeMs).toISOString(), level, event: event.event, message, fields };
}

/** A parameter that is a number, from 1 unless `min` says another. @throws {Problem} 400 */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  { otherwise, min = 1, max }: { otherwise: number; min?: number; max: number },
): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Problem(400, `${name} is "${text.slice(0, 50)}", expected ${min} to ${max}`);
}
