/** `revtun disconnect`. */
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";

export const command: Command = hostCommand({
  name: "disconnect",
  summary: "Cut a host off at once",
  description:
    "Closes its tunnel connections, work under way too. Its agent dials again: to keep it away, revoke its credential.",
  example: "end whatever it does now",
  told: (host, answer) => `${host} was cut off: ${answer.closed_connections} connections closed`,
});
