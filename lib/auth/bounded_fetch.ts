/** Requests to services that decide who gets in: bounded in time and size, and to nobody else. */
import { isLoopback } from "../address.ts";
import { ConfigError } from "../errors.ts";

/** What a request may take. */
export interface FetchBounds {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/**
 * Reads the URL of such a service: https, or http on this machine.
 *
 * @throws {ConfigError}
 */
export function parseServiceUrl(text: string, source: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigError(source, `"${text}" is not a URL`);
  }
  const isLocal = isLoopback({ kind: "tcp", host: url.hostname.replace(/^\[|\]$/g, ""), port: 0 });
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) {
    throw new ConfigError(source, "expected an https:// URL, or http:// on this machine");
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(source, "a URL must not hold a password: it stands in logs");
  }
  return url;
}

/**
 * Fetches `url` and reads the whole answer. Redirects are errors: what answers for an agent is what
 * was configured.
 *
 * @throws {Error} no answer in time, or one that is too large.
 */
export async function fetchBounded(
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes }: FetchBounds,
): Promise<{ status: number; text: string }> {
  const abort = new AbortController();
  const deadline = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const response = await fetch(url, { ...init, redirect: "error", signal: abort.signal });
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new RangeError(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: response.status, text: await new Blob(chunks).text() };
  } catch (error) {
    if (abort.signal.aborted) throw new Error(`no answer within ${timeoutMs} ms`);
    throw error;
  } finally {
    clearTimeout(deadline);
    // What is still under way after an error goes nowhere.
    abort.abort();
  }
}
