/** Server-sent events of an admin endpoint, over its restarts. */
import { AdminError } from "./admin_error.ts";

/** How a stream that broke goes on. */
export interface Watching {
  /** It broke, for this reason, and is asked for anew each second until it is back. */
  onLost(reason: string): void;
  onBack(): void;
}

/** What is known of the endpoint. */
export interface StreamOptions {
  /** As messages name it. */
  readonly name: string;
  /** Ends the stream without an error. */
  readonly signal: AbortSignal;
  /** Undefined to end when the stream does. */
  readonly watching: Watching | undefined;
}

/** Wait before a broken stream is asked for anew, in ms. */
const RETRY_MS = 1000;
/** Largest message that is read, in characters. */
const MAX_MESSAGE_CHARS = 64 << 20;

/**
 * Gives the `data` of messages as they come.
 *
 * @param open asks for the stream, behind the message of the id that it is given.
 * @throws {AdminError} of `open`, the first time; later only if it is refused.
 */
export async function* messagesOf(
  open: (lastId: string | undefined) => Promise<Response>,
  { name, signal, watching }: StreamOptions,
): AsyncGenerator<unknown> {
  let lastId: string | undefined;
  let state: "new" | "open" | "lost" = "new";
  for (;;) {
    let reason = `${name} has ended`;
    try {
      const response = await open(lastId);
      if (state === "lost") watching?.onBack();
      state = "open";
      for await (const { id, data } of partsOf(response, signal)) {
        yield data;
        lastId = id ?? lastId;
      }
    } catch (error) {
      if (signal.aborted) return;
      // What has no answer may have one soon; a refusal stays one.
      const mayPass = error instanceof AdminError && (error.status === 0 || error.status === 503);
      if (state === "new" || watching === undefined || !mayPass) throw error;
      reason = error.message;
    }
    if (signal.aborted || watching === undefined) return;
    if (state === "open") watching.onLost(reason);
    state = "lost";
    await pause(RETRY_MS, signal);
    if (signal.aborted) return;
  }
}

/** One message. */
interface Part {
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Messages of one answer; ends when it does, in order or not. @throws {AdminError} */
async function* partsOf(response: Response, signal: AbortSignal): AsyncGenerator<Part> {
  const body = response.body!.pipeThrough(new TextDecoderStream());
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const text = await reader.read().then(({ value }) => value, () => undefined);
      if (text === undefined || signal.aborted) return;
      const messages = (rest + text).split("\n\n");
      rest = messages.pop()!;
      if (rest.length > MAX_MESSAGE_CHARS) throw new AdminError("A message is too long", 200);
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data !== undefined) yield { id: /^id: (.*)$/m.exec(message)?.[1], data: parse(data) };
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** @throws {AdminError} */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AdminError("A message of the stream is not JSON", 200, { cause });
  }
}

/** Resolves after `ms`, or when the signal says so. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
