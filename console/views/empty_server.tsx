/** Nobody is connected: what to do next, as command lines that fit this server. */
import type { Doors } from "../lib/link.ts";
import { CommandLine } from "../parts/code.tsx";

export function EmptyServer({ doors }: { doors: Doors }) {
  const cluster = doors.clusters[0] ?? "edge-a";
  const server = `${doors.isTunnelTls ? "tls://" : ""}${reachable(doors.tunnels[0] ?? "", "9000")}`;
  const agent = ["revtun agent", `--server ${server}`, `--cluster ${cluster}`];
  if (doors.wantsCredential) agent.push("--token-file token");
  agent.push("--target 127.0.0.1:8000");
  const frontend = doors.frontends.map(({ frontend }) => frontend)
    .find((spec) => /^(https?:\/\/|[^/]*$)/.test(spec));
  return (
    <section class="card empty-state" aria-labelledby="empty-title">
      <h2 id="empty-title">No agent is connected yet</h2>
      <ol>
        <li>
          <p>
            Where the service runs, start an agent. It dials this server, so nothing has to be
            opened there. Without <code>--target</code> it answers with a page of its own.
          </p>
          <CommandLine
            label="Command line of an agent"
            line={agent.join(" ")}
          />
          {doors.isTunnelTls && (
            <p class="hint">
              The server has TLS: with a certificate that no public authority signed, add{" "}
              <code>--tls-ca</code> or the <code>--tls-pin</code> that it printed at its start.
            </p>
          )}
        </li>
        <li>
          <p>It appears here within a second. Then ask it through the server:</p>
          <CommandLine
            label="Command line of a request"
            line={`curl -H 'x-revtun-cluster: ${cluster}' ${urlOf(frontend)}`}
          />
        </li>
      </ol>
      <p class="muted">
        If it does not appear, <code>revtun probe {server}</code>{" "}
        there says where it fails, step by step; refusals of this server stand under{" "}
        <a href="#/events">Events</a>.
      </p>
    </section>
  );
}

/** "0.0.0.0:9000" and ":9000" say where it listens: the name in the browser's address leads there. */
function reachable(address: string, port: string): string {
  const [, host = "", given = port] = /^(.*?):(\d+)$/.exec(address) ?? [];
  const isAny = host === "" || host === "0.0.0.0" || host === "[::]";
  return `${isAny ? location.hostname : host}:${given}`;
}

function urlOf(frontend: string | undefined): string {
  const [, scheme = "http://", address = ":8080"] = /^(https?:\/\/)?([^/]*)/.exec(frontend ?? "") ??
    [];
  return `${scheme}${reachable(address, "8080")}/`;
}
