/** The service at the far end of the demo: stands for a program of the user's. */

/** A running backend. */
export interface DemoBackend {
  /** 127.0.0.1:port */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts an HTTP service on a free loopback port: `/` greets, `/echo` answers with what it gets,
 * `/clock` sends a line each half second until the client has enough.
 */
export async function startDemoBackend(): Promise<DemoBackend> {
  const ending = new AbortController();
  const ready = Promise.withResolvers<string>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: ending.signal,
    onListen: ({ hostname, port }) => ready.resolve(`${hostname}:${port}`),
    onError: (error) => text(500, `The demo's backend failed: ${error}\n`),
  }, (request) => respond(request, ending.signal));
  return {
    address: await ready.promise,
    close: async () => {
      ending.abort();
      await server.finished;
    },
  };
}

function respond(request: Request, ending: AbortSignal): Response {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/":
      return text(
        200,
        `Hello from the edge. You asked for http://${request.headers.get("host")}/\n`,
      );
    case "/echo":
      return new Response(request.body, {
        headers: { "content-type": "application/octet-stream" },
      });
    case "/clock":
      return new Response(ticks(ending), { headers: { "content-type": "text/plain" } });
    default:
      return text(404, "The demo's backend has /, /echo and /clock\n");
  }
}

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

function ticks(ending: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start(controller) {
      const tick = () => controller.enqueue(encoder.encode(`${new Date().toISOString()}\n`));
      tick();
      timer = setInterval(tick, 500);
      ending.addEventListener("abort", () => clearInterval(timer), { once: true });
    },
    cancel: () => clearInterval(timer),
  });
}
