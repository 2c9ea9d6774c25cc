/** `revtun status`. */
import { roughDuration } from "../lib/duration.ts";
import { escapeControls, printable } from "../lib/printable.ts";
import { formatSize } from "../lib/size.ts";
import { formatTable } from "../lib/table.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import type { AdminClient } from "./admin_client.ts";
import { ANSWERS, isAgentStatus } from "./admin_answers.ts";
import type {
  AgentStatus,
  AwayAnswer,
  HostAnswer,
  PeerAnswer,
  ServerStatus,
} from "./admin_answers.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command, Output } from "./command.ts";
import { plural } from "../lib/plural.ts";

export const command: Command = defineCommand({
  name: "status",
  summary: "Show who is connected to a running server, or what an agent does",
  description: "Prints clusters, hosts and those that are away, from the admin endpoint of a " +
    "server; the connections to its servers from that of an agent.",
  options: [
    {
      name: "cluster",
      kind: "string",
      placeholder: "NAME",
      description: "Hosts of this cluster only",
    },
    { name: "json", kind: "boolean", description: "Print it as one JSON object" },
    ...CLIENT_OPTIONS,
  ],
  examples: [
    { line: "revtun status", description: "of the server with --admin 127.0.0.1:9901" },
    { line: "revtun status --admin unix:/run/revtun.sock --json", description: "for a script" },
  ],
  async run(context) {
    const { values, stdout } = context;
    using client = await adminClientOf(context);
    const status = await client.get("/api/v1/status", ANSWERS.status);
    const whole = isAgentStatus(status)
      ? { status, peers: (await client.get("/api/v1/peers", ANSWERS.peers)).items }
      : await serverStatus(client, status, values.cluster);
    if (values.json) await stdout.write(`${escapeControls(JSON.stringify(whole))}\n`);
    else {await stdout.write(
        "peers" in whole ? agentText(whole, stdout) : serverText(whole, stdout),
      );}
    return EXIT.ok;
  },
});

/** All that is shown of a server. */
interface WholeServer {
  readonly status: ServerStatus;
  readonly hosts: readonly HostAnswer[];
  readonly away: readonly AwayAnswer[];
}

async function serverStatus(
  client: AdminClient,
  status: ServerStatus,
  cluster?: string,
): Promise<WholeServer> {
  const query = cluster === undefined ? "" : `?cluster=${encodeURIComponent(cluster)}`;
  const hosts = await client.list(`/api/v1/hosts${query}`, ANSWERS.hosts);
  const away = (await client.list("/api/v1/away", ANSWERS.away))
    .filter((host) => cluster === undefined || host.cluster === cluster);
  return { status, hosts, away };
}

function serverText({ status, hosts, away }: WholeServer, output: Output): string {
  const { software, clients, requests } = status;
  const head =
    `${printable(software)}, up ${roughDuration(status.uptime_ms)}${
      status.draining ? ", stopping" : ""
    }: ` +
    `${plural(status.hosts, "host")} in ${plural(status.clusters, "cluster")}, ` +
    `${plural(status.connections, "connection")}; ` +
    `${plural(clients, "client")}, ${plural(requests, "request")}\n`;
  const present = hosts.length === 0
    ? "\nNo host is connected. Start one beside a service:\n" +
      "  revtun agent --server THIS_SERVER:9000 --cluster edge-a --target 127.0.0.1:8000\n"
    : `\n${hostTable(hosts, widthOf(output))}`;
  return head + present + (away.length === 0 ? "" : `\nAway:\n${awayTable(away, widthOf(output))}`);
}

function hostTable(hosts: readonly HostAnswer[], width: number): string {
  const columns = [
    { title: "HOST", isCuttable: true, isName: true },
    { title: "STATE" },
    { title: "WEIGHT", isRight: true, spareRank: 4 },
    { title: "CONNS", isRight: true, spareRank: 3 },
    { title: "IN FLIGHT", isRight: true, spareRank: 1 },
    { title: "REQUESTS", isRight: true, spareRank: 5 },
    { title: "DOWN", isRight: true, spareRank: 6 },
    { title: "UP", isRight: true, spareRank: 7 },
    { title: "RTT", isRight: true, spareRank: 2 },
  ];
  return formatTable(
    columns,
    hosts.map((host) => [
      `${host.cluster}/${host.name}`,
      host.state,
      host.weight_by_operator === null ? String(host.weight) : `${host.weight}*`,
      String(host.connections.length),
      String(host.in_flight),
      String(host.requests),
      formatSize(host.sent_bytes),
      formatSize(host.received_bytes),
      host.rtt_ms === null ? "-" : `${host.rtt_ms.toFixed(1)} ms`,
    ]),
    width,
  );
}

function awayTable(away: readonly AwayAnswer[], width: number): string {
  const columns = [
    { title: "HOST", isCuttable: true, isName: true },
    { title: "LAST SEEN", spareRank: 1 },
    { title: "TIMES", isRight: true, spareRank: 2 },
    { title: "REASON", isCuttable: true },
  ];
  const rows = away.map((host) => [
    `${host.cluster}/${host.name}`,
    `${roughDuration(Date.now() - Date.parse(host.last_seen))} ago`,
    String(host.times_left),
    host.drained_by_operator ? `${host.reason}; drained by an operator` : host.reason,
  ]);
  return formatTable(columns, rows, width);
}

function agentText(
  { status, peers }: { status: AgentStatus; peers: readonly PeerAnswer[] },
  output: Output,
): string {
  const head = `${printable(status.software)}, up ${roughDuration(status.uptime_ms)}: host ` +
    `${printable(status.host)} of cluster ${printable(status.cluster)}, weight ${status.weight}, ` +
    `${status.connections} connections, ${status.in_flight} in flight\n`;
  const columns = [
    { title: "SERVER", isCuttable: true, isName: true },
    { title: "CONNS", isRight: true },
    { title: "MODE", spareRank: 3 },
    { title: "IN FLIGHT", isRight: true, spareRank: 2 },
    { title: "RTT", isRight: true, spareRank: 1 },
    { title: "LAST ERROR", isCuttable: true },
  ];
  const rows = peers.map((peer) => {
    const { connections } = peer;
    const rtts = connections.map((connection) => connection.rtt_ms).filter(Boolean);
    return [
      peer.server,
      String(connections.length),
      [...new Set(connections.map((connection) => connection.mode))].join(",") || "-",
      String(connections.reduce((sum, each) => sum + each.in_flight, 0)),
      rtts.length === 0 ? "-" : `${Math.min(...rtts).toFixed(1)} ms`,
      peer.last_error ?? "",
    ];
  });
  return rows.length === 0 ? head : `${head}\n${formatTable(columns, rows, widthOf(output))}`;
}

/** Lines of a terminal are as long as it is wide; those of a file may be longer. */
function widthOf(output: Output): number {
  return output.width ?? 200;
}
