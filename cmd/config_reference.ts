/** `revtun config reference`: the page docs/configuration.md. */
import { settingsTables } from "../lib/config/reference.ts";
import { EXIT } from "./command.ts";
import type { ConfigContext } from "./config.ts";
import { envNameOf, hasFlag } from "./option.ts";
import { sectionCommands, sectionOf } from "./sections.ts";

/** Prints it. */
export async function action({ stdout }: ConfigContext): Promise<number> {
  const sections = (await sectionCommands()).map(sectionOf);
  const tables = settingsTables(sections, (spec) => ({
    flag: hasFlag(spec) ? `--${spec.name}` : undefined,
    variable: spec.kind === "value" ? undefined : envNameOf(spec),
  }));
  await stdout.write(`${INTRODUCTION}\n${tables}`);
  return EXIT.ok;
}

const INTRODUCTION = `<!-- Made by: revtun config reference > docs/configuration.md -->

# Settings

\`revtun server\` and \`revtun agent\` take their settings from four places. Each setting is decided by
the first of them that has it: **flags**, then **environment** variables, then the **settings file**
that \`--config\` names, then the **defaults** below. The file is YAML or JSON, with a section for each
of the two commands, so that one file can serve both:

\`\`\`yaml
server:
  listen: [":8080"]
  tunnel: [":9000"]
agent:
  cluster: edge-a
  server_list: ["cloud:9000"]
  targets: ["127.0.0.1:8000"]
  reconnect_base_duration: 2s
\`\`\`

- Durations have a unit: \`250ms\`, \`15s\`, \`5m\`, \`1h30m\`. Sizes are bytes, or \`64KiB\`, \`10MB\`.
- Paths of files are relative to the settings file; those of flags to where the command runs.
- A file that anyone on the machine can write or replace is refused; so are unknown keys and keys given twice.
- In variables the items of a list are separated by commas. A variable that is empty is not set; one
  whose name is nearly one of these is refused.
- Fields that MOSN has carry MOSN's names; durations may also be written its way,
  \`connect_timeout_duration_ms: 15000\`. The extend of a MOSN configuration (\`type: tunnel_agent\` and
  \`config\`, or a list of them under \`extends\`) is read as it is, in place of \`agent:\`.

\`\`\`sh
revtun config check agent.yaml               # all that is wrong with it: line, column, what was meant
revtun config show agent.yaml -- --weight 5  # what would be used, and where each value comes from
revtun config schema > revtun.schema.json    # for editors
\`\`\`

## Changes while it runs

When the file or a token's file changes, and on SIGHUP, the settings are read again and put to use, all
of them or none: what is wrong with them is logged (\`config.refused\`), and the old ones stay. What has
its place before and after is left alone: listeners, clients, agents' connections. \`/api/v1/config\` of
the admin API shows what is in use, and since when a changed file is not.

- An agent whose cluster, host name, number of connections, TLS or list of targets changes dials anew
  before it leaves its old connections. A new credential counts from the next connection on.
  What an agent's own side allows counts at once: streams that came by other rules end with their
  connections.
- A cluster that is not declared any more: its agents get no new work, and leave.
- Limits count for what comes from then on; connections that are there are closed by none. A bandwidth
  that was 0 counts for new connections.
- Settings marked † count from the next start on. A change of theirs is logged
  (\`config.needs_restart\`, with the keys), counted in \`revtun_config_needs_restart\`, and shown by
  \`/api/v1/config\` beside the value in use. Whether the tunnel ports speak TLS and ask for certificates
  cannot change while they are open: such a file is refused.
- Requests go on meanwhile: files are parsed a few milliseconds at a time. With 1,000 routes and 1,000
  agents' tokens changed at 2,000 requests a second, none failed, and the p99 of that second was 51 ms
  (7 ms without a reload; 2 cores, server, agent and load together; \`npm run bench -- reload\`).
`;
