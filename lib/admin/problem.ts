/** Refusals of the admin API, as RFC 9457 has them. */

/** A request that cannot be done: answered with `status` and a JSON body that says why. */
export class Problem extends Error {
  override name = "Problem";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not signed in",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Not possible now",
  413: "Body too large",
  415: "Wrong content type",
  422: "Wrong value",
  500: "Internal error",
  503: "Not ready",
};

/** The answer to a {@link Problem}. */
export function problemResponse(problem: Problem): Response {
  const { status, message, headers } = problem;
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", status, detail: message };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { ...ADMIN_HEADERS, ...headers, "content-type": "application/problem+json" },
  });
}

/** Headers of every answer. */
export const ADMIN_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
