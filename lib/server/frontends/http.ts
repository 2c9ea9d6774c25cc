/** `http://`: each request is routed by itself, or all of them go to one cluster. */
import { fixedRoute } from "../../http/default_route.ts";
import { HttpFrontend } from "../../http/http_frontend.ts";
import type { FrontendKind } from "./frontend.ts";

export const HTTP_KIND: FrontendKind = {
  needsCluster: false,
  options: [],
  make({ cluster, target }, { config, upstreams, routing, runtime, stats }) {
    const { holdMs, firstByteTimeoutMs, idleTimeoutMs } = config;
    const http = new HttpFrontend({
      upstreams,
      runtime,
      route: cluster === undefined ? routing.route : fixedRoute({ cluster, target }),
      trustedProxies: routing.trustedProxies,
      forwarded: config.forwarded,
      settings: { holdMs, answerTimeoutMs: firstByteTimeoutMs, idleTimeoutMs },
      onAnswer: ({ status, code, durationMs }) => stats.answered(status, code, durationMs),
    });
    return {
      serve: (client) => http.serve(client, client.remote),
      drain: () => void http.drain(),
      close: () => http.close(),
    };
  },
};
