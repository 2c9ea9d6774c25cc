/** Why an admin endpoint did not do what a command asked of it. */
import { RevtunError } from "../lib/errors.ts";

/** An endpoint could not be asked, or would not. */
export class AdminError extends RevtunError {
  override name = "AdminError";
  /** HTTP status of the refusal; 0 where there was no answer. */
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Whatever answers at `name`, it is none of ours. */
export function strangerAt(name: string, status: number): AdminError {
  const how = status === 200 ? "" : ` (${status})`;
  return new AdminError(`${name} is no admin endpoint of revtun${how}`, status);
}

/** An answer that is no success, whose body is `text`. */
export function refusalOf(name: string, path: string, status: number, text: string): AdminError {
  let detail: unknown;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    // Not ours.
  }
  if (typeof detail !== "string") return strangerAt(name, status);
  if (status === 404 && detail.startsWith("There is nothing at")) {
    const what = path.replace(/\?.*/, "");
    return new AdminError(
      `${name} does not know ${what}: an agent's endpoint, or of another version?`,
      status,
    );
  }
  if (status === 400 && detail.startsWith("Unknown parameter")) {
    return new AdminError(`${name} is of another version: ${detail}`, status);
  }
  const hint = status === 401 ? "; give --admin-token-file FILE or set REVTUN_ADMIN_TOKEN" : "";
  return new AdminError(`${detail}${hint}`, status);
}

/** What a deadline ends with, as that of `AbortSignal.timeout`. */
export function silenceError(): DOMException {
  return new DOMException("no answer", "TimeoutError");
}

/** An answer that did not come, or broke off. */
export function failureOf(name: string, error: unknown, timeoutMs: number): AdminError {
  const cause = { cause: error };
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new AdminError(`${name} did not answer within ${timeoutMs / 1000} s`, 0, cause);
  }
  const text = `${error} ${(error as Error).cause ?? ""}`;
  // Connected, and then no answer in HTTP: something else listens there, a tunnel port for one.
  if (/SendRequest/.test(text)) {
    return new AdminError(
      `${name} is no admin endpoint of revtun: what answers there speaks no HTTP`,
      0,
      cause,
    );
  }
  const reason = /refused/i.test(text)
    ? "connection refused"
    : /No such file/i.test(text)
    ? "there is no such socket"
    : /dns|resolve|lookup/i.test(text)
    ? "the name cannot be resolved"
    : "the connection failed";
  return new AdminError(
    `Cannot reach the admin endpoint at ${name}: ${reason}; ` +
      "start revtun with --admin ADDRESS, or give its address by --admin",
    0,
    cause,
  );
}
