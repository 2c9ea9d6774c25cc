/** `revtun top`. */
import { clearFrame, TopView } from "./top_view.ts";
import type { PictureAnswer } from "./top_view.ts";
import { ANSWERS } from "./admin_answers.ts";
import { adminClientOf, CLIENT_OPTIONS } from "./admin_client.ts";
import type { AdminClient } from "./admin_client.ts";
import type { Watching } from "./admin_stream.ts";
import { hostPath } from "./host_argument.ts";
import { readKeys } from "./read_keys.ts";
import { defineCommand, EXIT } from "./command.ts";
import type { Command } from "./command.ts";
import { withChanges } from "../lib/admin/live_changes.ts";
import { RevtunError } from "../lib/errors.ts";
import { escapeControls } from "../lib/printable.ts";

export const command: Command = defineCommand({
  name: "top",
  summary: "Watch the hosts of a running server",
  description: "Shows requests, bytes, round trip and work under way of each host, anew each " +
    "second. Keys: arrows or j and k choose a host, s sorts, / filters, d drains or undrains, q " +
    "quits. Where stdout is no terminal, and with --json, one picture is printed: what passed in a " +
    "second.",
  options: [
    { name: "json", kind: "boolean", description: "Print one picture, as the API gives it" },
    ...CLIENT_OPTIONS,
  ],
  examples: [
    { line: "revtun top", description: "of the server with --admin 127.0.0.1:9901" },
    { line: "revtun top --json", description: "each host's rates, for a script" },
  ],
  async run(context) {
    const { values, stdout, signal } = context;
    const quit = new AbortController();
    using client = await adminClientOf({
      ...context,
      signal: AbortSignal.any([signal, quit.signal]),
    });
    const view = new TopView();
    if (values.json || !stdout.isTerminal) {
      let isSecond = false;
      for await (const picture of picturesOf(client)) {
        view.update(picture);
        // Rates are what has passed between two pictures.
        if (isSecond) {
          await stdout.write(
            values.json
              ? `${escapeControls(JSON.stringify(picture))}\n`
              : view.plain(stdout.width ?? 160),
          );
          return EXIT.ok;
        }
        isSecond = true;
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
        await client.post(`${path}/${action}`, {}, ANSWERS.namedHosts);
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
    const watching: Watching = {
      onLost(reason) {
        view.lost(`${reason}; asking anew each second`);
        void draw();
      },
      onBack() {},
    };
    try {
      for await (const picture of picturesOf(client, watching)) {
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

/** Whole pictures, made of a first one and of what changes; of a new first one after a break. */
async function* picturesOf(
  client: AdminClient,
  watching?: Watching,
): AsyncGenerator<PictureAnswer> {
  const path = "/api/v1/live?changes=true";
  let last: PictureAnswer | undefined;
  for await (const message of client.follow(path, ANSWERS.anything, watching)) {
    const isWhole = last === undefined || message["changed"] === undefined;
    const changes = isWhole ? undefined : client.checked(message, path, ANSWERS.change);
    const picture = changes === undefined ? message : withChanges(last!, changes);
    last = client.checked(picture, path, ANSWERS.picture);
    yield last;
  }
}
