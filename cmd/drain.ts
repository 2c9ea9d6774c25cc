/** `revtun drain`. */
import { ANSWERS } from "./admin_answers.ts";
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";
import { plural } from "../lib/plural.ts";

export const command: Command = hostCommand({
  name: "drain",
  summary: "Give a host no new work",
  description:
    "Work under way goes on. It holds for the name: also when its agent comes back. revtun undrain takes it back.",
  example: "before maintenance on that machine",
  answer: ANSWERS.namedHosts,
  told: (host, { items: [first] }) => {
    if (first === undefined) return `${host} is away; it takes no new work when it is back`;
    const count = plural(first.in_flight, "request is", "requests are");
    return `${host} takes no new work; ${count} under way`;
  },
});
