/** The web console: files that a browser loads from the admin endpoint. */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { CONSOLE_FILES } from "./web_console_files.ts";
import type { ConsoleFile } from "./web_console_files.ts";

/**
 * What the page may do: run and load what comes from here, and nothing else. No text becomes
 * markup or script, even by a mistake in the page: there is no way to make one of it.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  // Kept, but asked for again: the next version of the program has other files by these names.
  "cache-control": "no-cache",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  vary: "accept-encoding",
};

const files: ReadonlyMap<string, ConsoleFile> = new Map(
  CONSOLE_FILES.map((file) => [`/${file.name}`, file]),
);

/** The console's file at a path; undefined if there is none. It holds nothing of this program. */
export function consoleAsset(pathname: string, request: Request): Response | undefined {
  const file = files.get(pathname);
  if (file === undefined) return undefined;
  const mayPack = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  const isPacked = file.isPacked && mayPack;
  const etag = `"${file.hash}${isPacked ? "-gzip" : ""}"`;
  const headers = { ...HEADERS, etag, "content-type": file.type };
  if ((request.headers.get("if-none-match") ?? "").includes(etag)) {
    return new Response(null, { status: 304, headers });
  }
  const stored = Buffer.from(file.body, "base64");
  const body = file.isPacked && !isPacked ? gunzipSync(stored) : stored;
  return new Response(request.method === "HEAD" ? null : new Uint8Array(body), {
    headers: {
      ...headers,
      "content-length": String(body.length),
      ...(isPacked && { "content-encoding": "gzip" }),
    },
  });
}
