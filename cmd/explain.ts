/** `revtun explain`. */
import { escapeControls, printable } from "../lib/printable.ts";
import { formatTable } from "../lib/table.ts";
import { wrap } from "../lib/wrap.ts";
import { ANSWERS } from "./admin_answers.ts";
import type { Answer } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";

export const command: Command = defineCommand({
  name: "explain",
  summary: "Show where a request would go and why, without sending it",
  description: "Asks a running server: which route is for this URL, which cluster and hosts it " +
    "chooses, with which shares, and why a host is left out. Exit code 1 if no host would get it.",
  args: { placeholder: "URL", min: 1, max: 1 },
  options: [
    {
      name: "method",
      kind: "string",
      placeholder: "METHOD",
      default: "GET",
      description: "Of the request",
    },
    {
      name: "header",
      kind: "list",
      placeholder: "NAME: VALUE",
      description: "A field of the request",
    },
    {
      name: "client",
      kind: "string",
      placeholder: "ADDRESS",
      description: "Where the client would come from",
    },
    {
      name: "frontend",
      kind: "string",
      placeholder: "ADDRESS",
      description: "Where it would come in; the first HTTP frontend unless given",
    },
    { name: "json", kind: "boolean", description: "Print the API's answer as it is" },
    ...CLIENT_OPTIONS,
  ],
  examples: [
    { line: "revtun explain http://edge-a.example.com/api", description: "who would answer?" },
    {
      line: "revtun explain http://shop/ --header 'x-revtun-cluster: edge-b' --json",
      description: "with a header, for a script",
    },
  ],
  async run(context) {
    const { values, args, stdout } = context;
    const query = new URLSearchParams({ url: args[0]!, method: values.method });
    for (const header of values.header) query.append("header", header);
    for (const name of ["client", "frontend"] as const) {
      if (values[name] !== undefined) query.set(name, values[name]);
    }
    using client = await adminClientOf(context);
    const answer = await client.get(`/api/v1/explain?${query}`, ANSWERS.explanation);
    await stdout.write(
      values.json
        ? `${escapeControls(JSON.stringify(answer))}\n`
        : textOf(answer, `${values.method} ${args[0]}`, stdout.width ?? Infinity),
    );
    const isServed = answer.hosts.some(({ verdict }) => verdict === "candidate");
    return isServed ? EXIT.ok : EXIT.failed;
  },
});

/** Room of a label and its margin. */
const LABEL = " ".repeat(12);

function textOf(found: Answer<typeof ANSWERS.explanation>, request: string, width: number): string {
  const { frontend, route, answer, cluster, target, host, hosts } = found;
  const lines = [request, `  frontend  ${frontend}`, `  route     ${route}`];
  if (answer !== null) {
    const said = `${answer.status} (${answer.error}): ${answer.detail}`;
    const [first = "", ...more] = wrap(said, Math.max(20, width - LABEL.length));
    lines.push(`  answer    ${first}`, ...more.map((line) => `${LABEL}${line}`));
    return `${lines.map(printable).join("\n")}\n`;
  }
  lines.push(`  cluster   ${cluster}${host === null ? "" : `, host ${host} only`}`);
  lines.push(`  target    ${target === "" ? "the default one" : target}`);
  if (hosts.length === 0) {
    lines.push("  hosts     none is connected: the request would wait for one, then get 503");
    return `${lines.map(printable).join("\n")}\n`;
  }
  const columns = [
    { title: "HOST", isCuttable: true, isName: true },
    { title: "SHARE", isRight: true },
    { title: "WEIGHT", isRight: true, spareRank: 1 },
    { title: "IN FLIGHT", isRight: true, spareRank: 2 },
    { title: "VERDICT", isCuttable: true },
  ];
  const rows = hosts.map((each) => [
    each.name,
    each.verdict === "candidate" ? `${(each.share * 100).toFixed(1)} %` : "-",
    String(each.weight),
    String(each.in_flight),
    each.verdict === "candidate" ? "gets it" : `left out: ${each.verdict}`,
  ]);
  return `${lines.map(printable).join("\n")}\n\n${formatTable(columns, rows, width)}`;
}
