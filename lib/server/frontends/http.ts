/** `http://`: each request is routed by itself, or all of them go to one cluster. */
import { fixedRoute } from "../../http/default_route.ts";
import { HttpFrontend } from "../../http/http_frontend.ts";
import type { FrontendKind } from "./frontend.ts";
import { checkHttpAccess, HTTP_ACCESS_OPTIONS, openHttpAccess } from "./http_access.ts";

export const HTTP_KIND: FrontendKind = {
  needsCluster: false,
  options: HTTP_ACCESS_OPTIONS,
  check: checkHttpAccess,
  make(spec, { config, upstreams, routing, runtime, stats }) {
    const { cluster, target } = spec;
    const { holdMs, firstByteTimeoutMs, idleTimeoutMs } = config;
    const { access, close } = openHttpAccess(spec, runtime);
    const http = new HttpFrontend({
      upstreams,
      runtime,
      route: cluster === undefined ? routing.route : fixedRoute({ cluster, target }),
      trustedProxies: routing.trustedProxies,
      forwarded: config.forwarded,
      ...(access !== undefined && { access }),
      settings: { holdMs, answerTimeoutMs: firstByteTimeoutMs, idleTimeoutMs },
      onAnswer: ({ status, code, durationMs }) => stats.answered(status, code, durationMs),
    });
    return {
      serve: (client) => http.serve(client, client.remote),
      drain: () => void http.drain(),
      close: () => {
        http.close();
        close();
      },
    };
  },
};
