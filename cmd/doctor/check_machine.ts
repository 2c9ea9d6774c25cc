/** What revtun needs of the machine: open files, a clock that is kept right. */
import { fitToFiles } from "../../lib/server/fit_to_files.ts";
import type { ServerConfig } from "../../lib/server/config.ts";
import type { Step } from "../../lib/step.ts";
import { openFileLimit } from "../../lib/transport/file_limit.ts";
import { stepOf } from "./examination.ts";

/** Fewer open files than this are few for an agent. */
const AGENT_FILES = 1024;
/** A server keeps to what there is; only fewer clients than this are hardly what is meant. */
const FEW_CLIENTS = 1000;
/** Where services that set the clock say that they have. */
const CLOCK_MARKS = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid"];

/** Compares `ulimit -n` with what a server may have open. */
export function checkServerFiles(config: ServerConfig): Step {
  const limit = openFileLimit();
  const { maxTunnels, maxHandshakes, maxFrontendConnections } = config;
  if (limit === undefined) return unknownLimit(maxTunnels + maxHandshakes + maxFrontendConnections);
  const fitted = fitToFiles(config, limit);
  const subject = `ulimit -n ${limit}`;
  if (fitted === config) {
    return stepOf("limits", subject, {
      verdict: "ok",
      detail: "enough for all that is configured",
    });
  }
  const isFew = fitted.maxFrontendConnections < FEW_CLIENTS;
  return stepOf("limits", subject, {
    verdict: isFew ? "warn" : "ok",
    detail:
      `suffices for ${fitted.maxFrontendConnections} clients and ${fitted.maxTunnels} tunnel ` +
      `connections, ${maxFrontendConnections} and ${maxTunnels} are configured`,
    advice: isFew
      ? "raise it, LimitNOFILE= in a unit of systemd, or lower the limits to what is needed"
      : undefined,
  });
}

/** Says whether an agent may open enough. */
export function checkAgentFiles(): Step {
  const limit = openFileLimit();
  if (limit === undefined) return unknownLimit(AGENT_FILES);
  const subject = `ulimit -n ${limit}`;
  if (limit >= AGENT_FILES) {
    return stepOf("limits", subject, {
      verdict: "ok",
      detail: `${limit} files and sockets at once`,
    });
  }
  return stepOf("limits", subject, {
    verdict: "warn",
    detail: "each stream to a target takes one: more are refused",
    advice: "raise it, LimitNOFILE= in a unit of systemd",
  });
}

/** Says what time it is here, and who keeps it right. */
export async function checkClock(): Promise<Step> {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  for (const path of CLOCK_MARKS) {
    const isThere = await Deno.stat(path).then(() => true, () => false);
    if (isThere) return stepOf("clock", now, { verdict: "ok", detail: "kept right by NTP" });
  }
  return stepOf("clock", now, {
    verdict: "ok",
    detail: "who keeps it right cannot be seen from here",
  });
}

/** The system does not tell, or does not let us look. */
function unknownLimit(needed: number): Step {
  const detail = `cannot be seen from here; ${needed} would be enough for all that is configured`;
  return stepOf("limits", "ulimit -n", {
    verdict: "warn",
    detail,
    advice: "set REVTUN_OPEN_FILES to what `ulimit -Hn` says where it is started",
  });
}
