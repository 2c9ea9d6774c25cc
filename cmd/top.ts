/** `revtun top`. */
import { clearFrame, TopView } from "./top_view.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import type { Json } from "./admin_client.ts";
import { hostPath } from "./host_argument.ts";
import { readKeys } from "./read_keys.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { withChanges } from "../lib/admin/live_changes.ts";
import type { Picture } from "../lib/admin/live_changes.ts";
import { RevtunError } from "../lib/errors.ts";

export const command: Command = defineCommand({
  name: "top",
  summary: "Watch the hosts of a running server",
  description: "Shows requests, bytes, round trip and work under way of each host, anew each " +
    "second. Keys: arrows or j and k choose a host, s sorts, / filters, d drains or undrains, q " +
    "quits. Where stdout is no terminal, one picture is printed.",
  options: CLIENT_OPTIONS,
  examples: [{ line: "revtun top", description: "of the server with --admin 127.0.0.1:9901" }],
  async run(context) {
    const { stdout, signal } = context;
    const quit = new AbortController();
    using client = await adminClientOf({
      ...context,
      signal: AbortSignal.any([signal, quit.signal]),
    });
    const view = new TopView();
    const pictures = picturesOf(client.follow("/api/v1/live?changes=true"));
    if (!stdout.isTerminal) {
      for await (const picture of pictures) {
        view.update(picture);
        await stdout.write(view.plain(stdout.width ?? 160));
        return EXIT.ok;
      }
      return EXIT.failed;
    }
    const draw = () => stdout.write(view.frame(stdout.width ?? 80, stdout.height ?? 24));
    const drainSelected = async () => {
      const host = view.selected;
      if (host === undefined) return;
      const path = hostPath(`${host.cluster}/${host.name}`);
      const action = host.drained_by_operator ? "undrain" : "drain";
      try {
        await client.post(`${path}/${action}`);
        view.note(`${action}: ${host.cluster}/${host.name}`);
      } catch (error) {
        if (!(error instanceof RevtunError)) throw error;
        view.note(error.message);
      }
    };
    const keys = readKeys(AbortSignal.any([signal, quit.signal]), (key) => {
      const wish = view.press(key);
      if (wish === "quit") return quit.abort();
      if (wish === "drain") void drainSelected().then(draw);
      void draw();
    });
    try {
      for await (const picture of pictures) {
        view.update(picture);
        await draw();
      }
    } finally {
      quit.abort();
      await keys;
      await stdout.write(clearFrame());
    }
    return EXIT.ok;
  },
});

/** Whole pictures, made of a first one and of what changes. */
async function* picturesOf(messages: AsyncIterable<Json>): AsyncGenerator<Picture> {
  let picture: Picture | undefined;
  for await (const message of messages) {
    picture = picture === undefined || message.changed === undefined
      ? message as Picture
      : withChanges(picture, message);
    yield picture;
  }
}
