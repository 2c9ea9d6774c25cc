/** Who wants to know of each request and connection of clients. */
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { RequestWatch, WatchedRequest } from "../http/watched_request.ts";
import type { LiveStream } from "../live_streams.ts";

/** Spans of a connection under way. */
export interface ConnectionTrace {
  /** What goes with it to the agent. */
  readonly traceparent: string;
}

/** A connection that passed bytes, at its end. */
export interface WatchedConnection extends
  Pick<
    LiveStream,
    | "protocol"
    | "startedMs"
    | "client"
    | "cluster"
    | "target"
    | "hostName"
    | "toTargetBytes"
    | "toClientBytes"
  > {
  /** The frontend as its listener was set. */
  readonly frontend: string;
  /** When there was a stream for it; 0 if there was none. */
  readonly foundMs: number;
  readonly endedMs: number;
  /** As nginx has it: 200 when both ends closed in order, 502 or 503 else. */
  readonly status: number;
  /** What ended it, where it did not end in order. */
  readonly error: Error | undefined;
  readonly trace?: ConnectionTrace | undefined;
}

/** One who wants to know. */
export interface TrafficWatcher extends RequestWatch {
  /** What it could not keep up with, if it counts that. */
  readonly droppedCount?: number;
  /** A connection is about to ask for its stream; gives what it is to have as its `trace`. */
  connectionBegun?(protocol: "tcp" | "udp"): ConnectionTrace | undefined;
  connectionEnded(connection: WatchedConnection): void;
}

/** All who want to know, as one. */
export class TrafficWatch implements TrafficWatcher {
  readonly #watchers: readonly TrafficWatcher[];

  constructor(watchers: readonly TrafficWatcher[]) {
    this.#watchers = watchers;
  }

  get isOn(): boolean {
    for (const watcher of this.#watchers) if (watcher.isOn) return true;
    return false;
  }

  get droppedCount(): number {
    return this.#watchers.reduce((sum, watcher) => sum + (watcher.droppedCount ?? 0), 0);
  }

  wants(head: RequestHead | undefined): boolean {
    let isWanted = false;
    for (const watcher of this.#watchers) {
      if (watcher.isOn && watcher.wants?.(head) !== false) isWanted = true;
    }
    return isWanted;
  }

  requestBegun(request: WatchedRequest): string | undefined {
    let traceparent: string | undefined;
    for (const watcher of this.#watchers) {
      if (watcher.isOn) traceparent ??= watcher.requestBegun?.(request);
    }
    return traceparent;
  }

  requestEnded(request: WatchedRequest): void {
    for (const watcher of this.#watchers) if (watcher.isOn) watcher.requestEnded(request);
  }

  connectionBegun(protocol: "tcp" | "udp"): ConnectionTrace | undefined {
    let trace: ConnectionTrace | undefined;
    for (const watcher of this.#watchers) {
      if (watcher.isOn) trace ??= watcher.connectionBegun?.(protocol);
    }
    return trace;
  }

  connectionEnded(connection: WatchedConnection): void {
    for (const watcher of this.#watchers) if (watcher.isOn) watcher.connectionEnded(connection);
  }
}
