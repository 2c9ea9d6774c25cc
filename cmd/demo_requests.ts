/** What the demo sends through its tunnel, and what came of it. */

/** A request or a group of them, done. */
export interface DemoResult {
  /** What was asked: "GET /". */
  readonly what: string;
  readonly isGood: boolean;
  /** "200, 12 bytes" or what went wrong. */
  readonly outcome: string;
  readonly tookMs: number;
}

/** A request of the demo: resolves to what there is to say of it, rejects if it failed. */
interface DemoRequest {
  what: string;
  run(ask: Ask): Promise<string>;
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

const REQUEST_TIMEOUT_MS = 10_000;
const ECHO_BYTES = 1 << 20;
const CROWD = 50;

const REQUESTS: readonly DemoRequest[] = [
  {
    what: "GET /",
    run: async (ask) => {
      const response = await ask("/");
      return `${response.status}: ${(await expectOk(response).text()).trim()}`;
    },
  },
  {
    what: "POST /echo, 1 MiB",
    run: async (ask) => {
      const sent = crypto.getRandomValues(new Uint8Array(1 << 16));
      const body = new Blob(Array.from({ length: ECHO_BYTES / sent.length }, () => sent));
      const response = await ask("/echo", { method: "POST", body });
      const got = new Uint8Array(await expectOk(response).arrayBuffer());
      const isSame = got.length === ECHO_BYTES &&
        got.every((byte, index) => byte === sent[index % sent.length]);
      if (!isSame) throw new Error("what came back is not what was sent");
      return `${response.status}: the same bytes came back`;
    },
  },
  {
    what: `GET /, ${CROWD} at once`,
    run: async (ask) => {
      await Promise.all(Array.from({ length: CROWD }, async () => {
        await expectOk(await ask("/")).arrayBuffer();
      }));
      return "200: each of them";
    },
  },
];

/**
 * Sends the demo's requests to `baseUrl`, one after the other.
 *
 * @param headers sent with each: they say which cluster is asked.
 */
export async function* sendDemoRequests(
  baseUrl: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): AsyncGenerator<DemoResult> {
  using client = Deno.createHttpClient({});
  for (const { what, run } of REQUESTS) {
    const ending = new AbortController();
    const timer = setTimeout(
      () => ending.abort(new Error(`no answer within ${REQUEST_TIMEOUT_MS / 1000} s`)),
      REQUEST_TIMEOUT_MS,
    );
    const ask: Ask = (path, init) =>
      fetch(new URL(path, baseUrl), {
        ...init,
        headers,
        client,
        signal: AbortSignal.any([signal, ending.signal]),
      });
    const startMs = performance.now();
    let outcome: string;
    let isGood = true;
    try {
      outcome = await run(ask);
    } catch (error) {
      isGood = false;
      outcome = error instanceof Error ? error.message : String(error);
    } finally {
      clearTimeout(timer);
    }
    yield { what, isGood, outcome, tookMs: performance.now() - startMs };
    if (signal.aborted) return;
  }
}

function expectOk(response: Response): Response {
  if (response.ok) return response;
  throw new Error(`status ${response.status}`);
}
