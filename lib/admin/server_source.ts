/** What a server's admin endpoint looks at. */
import type { RunningServer } from "../server/server.ts";
import type { AdminSource } from "./common_routes.ts";
import type { LiveView } from "./live.ts";
import type { ServerHistory } from "./server_history.ts";
import type { Takeover } from "./takeover.ts";

/** What a server's endpoint looks at. */
export interface ServerSource extends AdminSource {
  readonly server: RunningServer;
  readonly live: LiveView;
  readonly history: ServerHistory;
  readonly takeover: Takeover;
}
