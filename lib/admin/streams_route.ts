/** Which requests and connections of clients are under way? */
import { formatAddress } from "../address.ts";
import type { LiveStream } from "../live_streams.ts";
import type { Runtime } from "../runtime.ts";
import { formatListenSpec } from "../server/listen_spec.ts";
import type { OpenFrontend } from "../server/open_frontend.ts";
import { padded, PAGE_QUERY, pageOf } from "./admin_route.ts";
import type { AdminRoute } from "./admin_route.ts";
import type { ServerSource } from "./server_source.ts";

export const STREAMS_ROUTE: AdminRoute<ServerSource> = {
  method: "GET",
  path: "/api/v1/streams",
  summary: "Requests and connections of clients under way, the oldest first; paged",
  query: ["cluster", "host", ...PAGE_QUERY],
  handle({ query }, { server, runtime }) {
    const cluster = query.get("cluster");
    const host = query.get("host");
    const found: { frontend: OpenFrontend; stream: LiveStream }[] = [];
    for (const entry of server.streams()) {
      const { stream } = entry;
      if (cluster !== null && stream.cluster !== cluster) continue;
      if (host !== null && stream.hostName !== host) continue;
      found.push(entry);
    }
    found.sort((a, b) => a.stream.id - b.stream.id);
    const names = new Map<OpenFrontend, string>();
    return pageOf(query, found, ({ stream }) => padded(stream.id), ({ frontend, stream }) => {
      let name = names.get(frontend);
      if (name === undefined) {
        name = formatListenSpec({ ...frontend.spec, address: frontend.address });
        names.set(frontend, name);
      }
      return streamView(stream, name, runtime);
    });
  },
};

function streamView(
  stream: LiveStream,
  frontend: string,
  runtime: Runtime,
): Record<string, unknown> {
  return {
    id: stream.id,
    protocol: stream.protocol,
    state: stream.state,
    frontend,
    client: stream.client === undefined ? null : formatAddress(stream.client),
    cluster: stream.cluster,
    host: stream.hostName ?? null,
    target: stream.target === "" ? "default" : stream.target,
    "age_ms": Math.round(runtime.nowMs() - stream.startedMs),
    "to_target_bytes": stream.toTargetBytes,
    "to_client_bytes": stream.toClientBytes,
  };
}
