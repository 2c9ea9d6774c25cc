/**
 * Plain HTTP by way of a forward proxy: each request names its destination by an absolute target
 * (RFC 9112 section 3.2.2), and goes on as one of HTTP's frontends.
 */
import type { UserFile } from "../../auth/user_file.ts";
import { Access } from "../../http/access.ts";
import type { Answer } from "../../http/answer.ts";
import { HttpFrontend } from "../../http/http_frontend.ts";
import type { RequestView, Route } from "../../http/route.ts";
import { answerForDestination, DestinationError, destinationOf } from "./forward_proxy.ts";
import type { FrontendServices } from "./frontend.ts";
import { changeable } from "./http.ts";

/** Answers of our own that turn a client away, and what they are counted as. */
const REFUSALS: Readonly<Record<string, string>> = {
  "proxy-unauthorized": "unauthorized",
  "bad-destination": "destination",
  "no-cluster": "destination",
  "target-not-allowed": "not-allowed",
};
const AUTHORITY = /^(?:\[(.*)\]|([^:]*))(?::(\d*))?$/;
const HTTP_PORT = 80;

/** @param cluster the one that the frontend is bound to, if it is. */
export function forwardHttp(
  cluster: string | undefined,
  services: FrontendServices,
  users: UserFile | undefined,
): HttpFrontend {
  const { config, upstreams, routing, runtime, stats, streams } = services;
  const http = new HttpFrontend({
    upstreams,
    runtime,
    route: (request) => routeOf(request, cluster, services),
    access: new Access({ users, isProxy: true }),
    ...changeable(config, routing),
    streamIds: streams.ids,
    onAnswer: ({ status, code, durationMs }) => {
      stats.answered(status, code, durationMs);
      const refusal = code === undefined ? undefined : REFUSALS[code];
      if (refusal !== undefined) stats.clientRefused(refusal);
    },
  });
  streams.include(() => http.exchanges());
  return http;
}

function routeOf(
  request: RequestView,
  cluster: string | undefined,
  { upstreams }: FrontendServices,
): Route | Answer {
  const [, ip, name, port] = AUTHORITY.exec(request.host) ?? [];
  try {
    if (request.isHttps === true) {
      throw new DestinationError("malformed", "https:// goes through this proxy by CONNECT");
    }
    const number = port === undefined || port === "" ? HTTP_PORT : Number(port);
    const place = destinationOf(ip ?? name ?? "", number, cluster, upstreams);
    return { ...place, target: "" };
  } catch (error) {
    if (!(error instanceof DestinationError)) throw error;
    return answerForDestination(error);
  }
}
