/** `revtun undrain`. */
import { ANSWERS } from "./admin_answers.ts";
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";

export const command: Command = hostCommand({
  name: "undrain",
  summary: "Let a drained host take work again",
  description: "Takes back what revtun drain did; an agent that drains by itself is not changed.",
  example: "after the maintenance",
  answer: ANSWERS.namedHosts,
  told: (host, { items }) =>
    items.length === 0
      ? `${host} is away; it takes work when it is back`
      : `${host} takes work again`,
});
