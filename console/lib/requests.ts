/** The latest requests, which the server keeps for as long as somebody asks for them. */
import { signal } from "@preact/signals";
import { get } from "./api.ts";
import { listOf, numberOf, textOf, timeOf } from "./read.ts";
import type { Json } from "./read.ts";

/** A part of a request's time; they follow each other. */
export interface Hop {
  readonly title: string;
  readonly ms: number;
}

export interface PastRequest {
  readonly id: number;
  readonly timeMs: number | null;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** 0 if the client left before its answer. */
  readonly status: number;
  readonly error: string;
  readonly client: string;
  readonly frontend: string;
  /** "" where no route was found, or no host. */
  readonly cluster: string;
  readonly host: string;
  readonly target: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly hops: readonly Hop[];
}

/** The newest first. */
export const requests = signal<readonly PastRequest[]>([]);

const MAX_REQUESTS = 500;

/** Fetches what ended since the last time. @throws {ApiError} */
export async function refreshRequests(): Promise<void> {
  const lastId = requests.value[0]?.id ?? 0;
  const answer = await get(`requests?limit=${MAX_REQUESTS}&after=${lastId}`);
  // A server that was started anew counts from 1 again.
  if (numberOf(answer["last_id"]) < lastId) {
    requests.value = [];
    return await refreshRequests();
  }
  const fresh = listOf(answer["items"]).map(readRequest).sort((a, b) => b.id - a.id);
  if (fresh.length > 0) requests.value = [...fresh, ...requests.value].slice(0, MAX_REQUESTS);
}

function readRequest(json: Json): PastRequest {
  const durationMs = numberOf(json["duration_ms"]);
  const hops: Hop[] = [
    { title: "Frontend", ms: numberOf(json["frontend_ms"]) },
    { title: "Wait for a host", ms: numberOf(json["queue_ms"]) },
    { title: "Tunnel", ms: numberOf(json["tunnel_ms"]) },
    { title: "Dial", ms: numberOf(json["dial_ms"]) },
    { title: "Target", ms: numberOf(json["first_byte_ms"]) },
  ];
  const begunMs = hops.reduce((sum, { ms }) => sum + ms, 0);
  return {
    id: numberOf(json["id"]),
    timeMs: timeOf(json["ts"]),
    method: textOf(json["method"]),
    authority: textOf(json["authority"]),
    path: textOf(json["path"]),
    status: numberOf(json["status"]),
    error: textOf(json["error"]),
    client: textOf(json["client"]),
    frontend: textOf(json["frontend"]),
    cluster: textOf(json["cluster"]),
    host: textOf(json["host"]),
    target: textOf(json["target"]),
    durationMs,
    requestBytes: numberOf(json["request_bytes"]),
    responseBytes: numberOf(json["response_bytes"]),
    hops: [...hops, { title: "Answer", ms: Math.max(0, durationMs - begunMs) }],
  };
}
