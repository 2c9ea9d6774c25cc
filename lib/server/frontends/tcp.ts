/** `tcp://`: passes bytes; each client gets a stream of its own. */
import { checkDoor, DOOR_OPTIONS, withDoor } from "./door.ts";
import type { FrontendKind } from "./frontend.ts";
import { joinTarget } from "./join_target.ts";

export const TCP_KIND: FrontendKind = {
  needsCluster: true,
  options: DOOR_OPTIONS,
  check: checkDoor,
  make(spec, services) {
    const { cluster = "", target, hostIds } = spec;
    return withDoor(spec, services, {
      serve: (client) => joinTarget(client, { cluster, target, hostIds }, services),
      // Its clients end by themselves.
      drain() {},
      close() {},
    });
  },
};
