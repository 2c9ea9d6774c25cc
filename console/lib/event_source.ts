/**
 * Server-sent events by fetch: `EventSource` could not send the token in a header, and one in the
 * address would end up in logs.
 */
import { ApiError, openStream } from "./api.ts";

/** What became of a stream, for who shows it. */
export interface StreamWatcher {
  /** `event` is the message's name. */
  onMessage(event: string, data: unknown): void;
  /** The first message of a connection is about to come. */
  onOpen(): void;
  /** It is away, and tried again after `retryMs`; `error.status` is 0 where nothing answered. */
  onLost(error: ApiError, retryMs: number): void;
}

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;
/** The server says something every second, and at least a comment every 15 s. */
const SILENCE_MS = 20_000;

/** Follows a stream and comes back to it, until it is closed. */
export class Following {
  readonly #path: string;
  readonly #watcher: StreamWatcher;
  #retryMs = FIRST_RETRY_MS;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(path: string, watcher: StreamWatcher) {
    this.#path = path;
    this.#watcher = watcher;
  }

  /** Connects, at once also if it waits for its next try; nothing while it is connected. */
  connect(): void {
    if (this.#abort !== undefined || this.#isClosed) return;
    clearTimeout(this.#timer);
    const abort = this.#abort = new AbortController();
    this.#follow(abort.signal).catch((error) =>
      error instanceof ApiError ? error : new ApiError(0, "The server is away")
    ).then((error) => {
      // Aborted from outside: whoever did it knows.
      if (this.#abort !== abort) return;
      this.#abort = undefined;
      this.#lost(error ?? new ApiError(0, "The server ended the connection"));
    });
  }

  /** Lets go of the connection without coming back; `connect()` goes on. */
  pause(): void {
    clearTimeout(this.#timer);
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.abort();
  }

  close(): void {
    this.#isClosed = true;
    this.pause();
  }

  async #follow(signal: AbortSignal): Promise<undefined> {
    const response = await openStream(this.#path, signal);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let isFirst = true;
    for (;;) {
      const step = await within(reader.read(), SILENCE_MS);
      if (step === undefined) {
        await reader.cancel().catch(() => {});
        throw new ApiError(0, "The server has gone silent");
      }
      if (step.done) return undefined;
      const messages = (rest + step.value).split("\n\n");
      rest = messages.pop()!;
      for (const message of messages) {
        const data = dataOf(message);
        if (data === undefined) continue;
        if (isFirst) {
          isFirst = false;
          this.#retryMs = FIRST_RETRY_MS;
          this.#watcher.onOpen();
        }
        this.#watcher.onMessage(/^event: ?(.*)$/m.exec(message)?.[1] ?? "message", data);
      }
    }
  }

  #lost(error: ApiError): void {
    if (this.#isClosed) return;
    // Many pages that lost one server are not to come back in one moment.
    const retryMs = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
    this.#timer = setTimeout(() => this.connect(), retryMs);
    this.#watcher.onLost(error, retryMs);
  }
}

/** The JSON of a message; undefined for comments and what cannot be read. */
function dataOf(message: string): unknown {
  const line = /^data: ?(.*)$/m.exec(message)?.[1];
  if (line === undefined) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) =>
    timer = setTimeout(() => resolve(undefined), ms)
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
