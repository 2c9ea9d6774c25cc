/** `revtun disconnect`. */
import { ANSWERS } from "./admin_answers.ts";
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";
import { plural } from "../lib/plural.ts";

export const command: Command = hostCommand({
  name: "disconnect",
  summary: "Cut a host off at once",
  description:
    "Closes its tunnel connections, work under way too. Its agent dials again: to keep it away, revoke its credential.",
  example: "end whatever it does now",
  answer: ANSWERS.closed,
  told: (host, answer) =>
    `${host} was cut off: ${plural(answer.closed_connections, "connection")} closed`,
});
