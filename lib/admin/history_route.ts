/** What passed in the last minutes, before anybody looked? */
import type { AdminRoute } from "./admin_route.ts";
import { wholeNumber } from "./common_routes.ts";
import { HISTORY_SECONDS } from "./server_history.ts";
import type { ServerSource } from "./server_source.ts";

export const HISTORY_ROUTE: AdminRoute<ServerSource> = {
  method: "GET",
  path: "/api/v1/history",
  summary: "Sums of all hosts over the last ten minutes, or the last `?seconds=` of them; " +
    "a moment a second, from the start on",
  query: ["seconds"],
  handle({ query }, { history }) {
    const seconds = wholeNumber(query, "seconds", {
      otherwise: HISTORY_SECONDS,
      max: HISTORY_SECONDS,
    });
    return history.view(seconds);
  },
};
