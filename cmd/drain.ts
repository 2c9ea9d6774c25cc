/** `revtun drain`. */
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";

export const command: Command = hostCommand({
  name: "drain",
  summary: "Give a host no new work",
  description:
    "Work under way goes on. It holds for the name: also when its agent comes back. revtun undrain takes it back.",
  example: "before maintenance on that machine",
  told: (host, answer) =>
    `${host} takes no new work; ${answer.items[0].in_flight} requests are under way`,
});
