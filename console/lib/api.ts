/** Asks the admin API of the server that this page came from. */
import { objectOf, textOf } from "./read.ts";
import type { Json } from "./read.ts";
import { setToken, signIn, token } from "./session.ts";

/** The API said no, or said nothing: `status` 0. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Longest wait for an answer. */
const TIMEOUT_MS = 10_000;

/** @param path below /api/v1/ @throws {ApiError} */
export async function get(path: string): Promise<Json> {
  return await json(await ask(path, { signal: AbortSignal.timeout(TIMEOUT_MS) }));
}

/** @param path below /api/v1/ @throws {ApiError} */
export async function post(path: string, body: Json = {}): Promise<Json> {
  return await json(
    await ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }),
  );
}

/** Opens a stream of server-sent events. @throws {ApiError} */
export async function openStream(path: string, signal: AbortSignal): Promise<Response> {
  return await ask(path, { headers: { accept: "text/event-stream" }, signal });
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  const shown = token.value;
  if (shown !== "") headers.set("authorization", `Bearer ${shown}`);
  let response: Response;
  try {
    // Relative: a proxy in front may serve the page below a path of its own.
    response = await fetch(`api/v1/${path}`, { ...init, headers, credentials: "omit" });
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, isLate ? "The server did not answer in time" : "The server is away");
  }
  if (response.ok) return response;
  const detail = await refusalOf(response);
  const isWrongToken = response.status === 403 && shown !== "" && /token/i.test(detail);
  if (response.status === 401 || isWrongToken) {
    // Another request may have been answered after a new sign-in.
    if (token.value === shown) {
      setToken("");
      signIn.value = { problem: shown === "" ? "" : "That token is not the one the server has." };
    }
  }
  throw new ApiError(response.status, detail);
}

async function refusalOf(response: Response): Promise<string> {
  try {
    const detail = textOf(objectOf(await response.json())["detail"]);
    if (detail !== "") return detail;
  } catch {
    // Not an answer of the API: said below.
  }
  return `The server answered with ${response.status}`;
}

async function json(response: Response): Promise<Json> {
  try {
    const text = await response.text();
    return text === "" ? {} : objectOf(JSON.parse(text));
  } catch {
    throw new ApiError(0, "The server's answer could not be read");
  }
}
