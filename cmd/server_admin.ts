/** The admin endpoint of `revtun server`. */
import type { Admin } from "../lib/admin/admin.ts";
import { SERVER_ROUTES, serverLiveView } from "../lib/admin/server_routes.ts";
import { ServerHistory } from "../lib/admin/server_history.ts";
import { Takeover } from "../lib/admin/takeover.ts";
import { ListenError } from "../lib/errors.ts";
import type { RunningServer } from "../lib/server/server.ts";
import { startAdminOf } from "./admin_options.ts";
import type { AdminSetup } from "./admin_options.ts";
import type { Context } from "./command.ts";

/** How long a server that was taken over may take to free the address. */
const FREE_TIMEOUT_MS = 5000;
const TRY_EVERY_MS = 50;

/**
 * Starts it.
 *
 * @param onTakenOver called when another process has taken over from this one.
 * @throws {ListenError}
 */
export async function serveServerAdmin(
  server: RunningServer,
  setup: AdminSetup,
  context: Context<{ readonly takeover: boolean }>,
  onTakenOver: () => void,
): Promise<Admin> {
  const { runtime } = setup;
  const takeover = new Takeover(server, runtime, onTakenOver);
  const history = new ServerHistory(server, runtime);
  const source = { server, live: serverLiveView(server, runtime), history, takeover };
  const start = () =>
    startAdminOf(setup, context, SERVER_ROUTES, source, () => context.settingsView());
  const deadlineMs = runtime.nowMs() + (context.values.takeover ? FREE_TIMEOUT_MS : 0);
  for (;;) {
    try {
      return history.during(await start());
    } catch (error) {
      if (!(error instanceof ListenError) || runtime.nowMs() >= deadlineMs) {
        // One that has taken over has clients by now, whose work is to end.
        if (!context.values.takeover) await server.giveUp();
        throw error;
      }
      await new Promise<void>((resolve) => runtime.timers.after(TRY_EVERY_MS, resolve));
    }
  }
}
