/** The page that an agent shows while it has no target: that the tunnel works, and what comes next. */
import { escapeHtml } from "./escape_html.ts";
import type { AnswerFormat } from "./answer.ts";
import type { Page, PageFunction } from "./http_responder.ts";
import type { RequestView } from "./route.ts";

/** What an agent says of itself. */
export interface AgentFacts {
  /** Its host name in the cluster. */
  readonly hostName: string;
  readonly cluster: string;
  /** Servers that it is connected to, as the user wrote them. */
  readonly servers: readonly string[];
  readonly uptimeMs: number;
  /** "revtun/0.1.0" */
  readonly software: string;
  /** It has targets, each with a name, and none for requests that name no target. */
  readonly hasNamedTargets: boolean;
}

const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Makes the page of an agent; `facts` is asked for each request. */
export function agentPage(facts: () => AgentFacts): PageFunction {
  return (request, format) => {
    if (!SAFE_METHODS.includes(request.method)) {
      const body = "This page takes no requests but GET, HEAD and OPTIONS.\n";
      return { status: 405, fields: ["Allow: GET, HEAD, OPTIONS"], body };
    }
    return render(facts(), request, format);
  };
}

function render(facts: AgentFacts, request: RequestView, format: AnswerFormat): Page {
  const fields = ["Cache-Control: no-store"];
  const { hostName, cluster, servers, software } = facts;
  const uptime = describeUptime(facts.uptimeMs);
  if (format === "json") {
    const body = {
      agent: hostName,
      cluster,
      servers,
      "uptime_s": Math.floor(facts.uptimeMs / 1000),
      software,
    };
    return { status: 200, fields, body: `${JSON.stringify(body, undefined, 2)}\n` };
  }
  const rows: [string, string][] = [
    ["agent", hostName],
    ["cluster", cluster],
    ["server", servers.join(", ")],
    ["uptime", uptime],
    ["software", software],
    ["you asked for", `${request.method} ${request.path} at ${request.host || "no host"}`],
  ];
  const command = `revtun agent --server ${servers[0] ?? "HOST:9000"} --cluster ${cluster} ` +
    "--target 127.0.0.1:8000";
  const next = facts.hasNamedTargets
    ? "Its targets have names, which this request did not give: routes and frontends do. " +
      "A target without a name is for all other requests:"
    : "To reach a service of yours instead, start the agent with its address:";
  if (format === "text") {
    const lines = rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`);
    const body = `The tunnel works: this answer comes from the agent itself.\n\n${
      lines.join("\n")
    }\n\n${next}\n\n  ${command}\n`;
    return { status: 200, fields, body };
  }
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>revtun: ${escapeHtml(cluster)}</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; margin: 10vh auto; max-width: 42rem; padding: 0 1rem }
  th { text-align: left; padding-right: 2rem; font-weight: normal; color: #666 }
  pre { background: #f3f3f3; padding: 1rem; overflow-x: auto }
</style>
<h1>The tunnel works</h1>
<p>This answer comes from the agent itself.</p>
<table>
${rows.map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(value)}`).join("\n")}
</table>
<p>${next}</p>
<pre>${escapeHtml(command)}</pre>
</html>
`;
  const policy = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'";
  return { status: 200, fields: [...fields, policy], body };
}

function describeUptime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0s";
  return parts.slice(first, first + 2).map(([count, unit]) => `${count}${unit}`).join(" ");
}
