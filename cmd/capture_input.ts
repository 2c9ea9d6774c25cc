/** The bytes of a capture: a file's or stdin's, in pieces. */
import { ConfigError } from "../lib/errors.ts";

const CHUNK_BYTES = 256 << 10;
/** How often a followed file is looked at for more. */
const FOLLOW_POLL_MS = 100;

/** A capture to be read. */
export interface CaptureBytes {
  /** Each is valid until the next but one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Undefined for a pipe. */
  readonly totalBytes: number | undefined;
}

/**
 * Opens `path`, or stdin without one. Ends early, in order, when `signal` says so.
 *
 * @param options.follow goes on at the end of a file as it grows.
 * @throws {ConfigError} the file cannot be read.
 */
export async function openCapture(
  path: string | undefined,
  stdin: () => ReadableStream<Uint8Array>,
  options: { follow: boolean; signal: AbortSignal },
): Promise<CaptureBytes> {
  const { follow, signal } = options;
  if (path === undefined || path === "-") {
    return { chunks: fromStream(stdin(), signal), totalBytes: undefined };
  }
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new ConfigError(path, "is a directory, expected a capture file");
    const file = await Deno.open(path);
    return {
      chunks: fromFile(file, follow, signal),
      totalBytes: follow || !info.isFile ? undefined : info.size,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new ConfigError(path, "there is no such file");
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new ConfigError(path, "cannot be read: permission denied");
    }
    throw error;
  }
}

async function* fromStream(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function* fromFile(
  file: Deno.FsFile,
  follow: boolean,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  using _ = file;
  // Two by turns: what a reader has not used up yet lies in the one before.
  let buffer = new Uint8Array(CHUNK_BYTES);
  let other = new Uint8Array(CHUNK_BYTES);
  while (!signal.aborted) {
    const count = await file.read(buffer);
    if (count !== null) {
      yield buffer.subarray(0, count);
      [buffer, other] = [other, buffer];
    } else if (!follow) {
      return;
    } else {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_POLL_MS));
    }
  }
}
