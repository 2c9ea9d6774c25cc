/** `revtun undrain`. */
import type { Command } from "./command.ts";
import { hostCommand } from "./host_argument.ts";

export const command: Command = hostCommand({
  name: "undrain",
  summary: "Let a drained host take work again",
  description: "Takes back what revtun drain did; an agent that drains by itself is not changed.",
  example: "after the maintenance",
  told: (host) => `${host} takes work again`,
});
