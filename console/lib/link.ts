/** The connection to the server or agent that this page came from, for as long as it is open. */
import { batch, signal } from "@preact/signals";
import { ApiError, get } from "./api.ts";
import { Following } from "./event_source.ts";
import type { Host } from "./hosts.ts";
import { applyHistory, applyHostHistory, applyLive } from "./live.ts";
import { listOf, numberOf, objectOf, textOf, textsOf } from "./read.ts";
import type { Json } from "./read.ts";
import { setToken, signIn } from "./session.ts";

/** `resting`: nobody looks at this page. */
export type LinkState = "connecting" | "live" | "away" | "resting";

/** How the connection is; `problem` says why it is not. */
export const link = signal<{ readonly state: LinkState; readonly problem: string }>({
  state: "connecting",
  problem: "",
});

/** What does not change while a program runs. */
export interface About {
  readonly kind: "server" | "agent";
  readonly software: string;
  /** A server's id, an agent's "cluster/host". */
  readonly name: string;
  readonly status: Json;
}

/** Who answers; undefined until somebody has. */
export const about = signal<About | undefined>(undefined);
/** An agent's peers and targets, as of the last second. */
export const agentState = signal<
  { readonly peers: readonly Json[]; readonly targets: readonly Json[] }
>(
  { peers: [], targets: [] },
);

/** A page that nobody has looked at for so long lets go of its connection: browsers have few. */
const REST_AFTER_MS = 30_000;
const POLL_MS = 1000;
const MAX_RETRY_MS = 5000;

let following: Following | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let rest: ReturnType<typeof setTimeout> | undefined;
let failures = 0;

/** Connects, and stays so until a sign-in is wanted: then call it again. */
export function start(): void {
  clearTimeout(timer);
  meet().catch((error) => {
    lost(error instanceof ApiError ? error.message : String(error));
    failures += 1;
    if (signIn.value === undefined) {
      timer = setTimeout(start, Math.min(MAX_RETRY_MS, 250 * 2 ** failures));
    }
  });
}

/** Forgets the token and what was seen by it. */
export function signOut(): void {
  clearTimeout(timer);
  following?.close();
  following = undefined;
  setToken("");
  signIn.value = { problem: "" };
}

async function meet(): Promise<void> {
  const status = await get("status");
  failures = 0;
  const kind = status["agent_id"] === undefined ? "server" : "agent";
  batch(() => {
    signIn.value = undefined;
    about.value = aboutOf(kind, status);
  });
  if (kind === "agent") return await pollAgent();
  following ??= new Following("live?changes=true", {
    onOpen() {
      link.value = { state: "live", problem: "" };
      // Without an answer charts begin here.
      get("history").then(applyHistory).catch(() => {});
    },
    onMessage: applyLive,
    onLost(error) {
      lost(error.message);
      if (signIn.value !== undefined || error.status === 404) {
        following?.close();
        following = undefined;
        // Another program has the address now: who is it?
        if (signIn.value === undefined) start();
        return;
      }
      get("status").then((status) => about.value = aboutOf("server", status)).catch(() => {});
    },
  });
  following.connect();
}

function aboutOf(kind: About["kind"], status: Json): About {
  const name = kind === "server"
    ? textOf(status["server_id"])
    : `${textOf(status["cluster"])}/${textOf(status["host"])}`;
  return { kind, software: textOf(status["software"]), name, status };
}

async function pollAgent(): Promise<void> {
  for (;;) {
    const [status, peers, targets] = await Promise.all(["status", "peers", "targets"].map(get));
    if (status!["agent_id"] === undefined) return start();
    batch(() => {
      about.value = aboutOf("agent", status!);
      agentState.value = {
        peers: listOf(peers!["items"]),
        targets: listOf(targets!["items"]),
      };
      link.value = { state: "live", problem: "" };
    });
    do await new Promise((resolve) => timer = setTimeout(resolve, POLL_MS)); while (
      document.hidden
    );
  }
}

function lost(problem: string): void {
  link.value = { state: "away", problem };
}

/** Has charts of a host begin before this page did; without an answer they do not. */
export function askHistoryOf(host: Host): void {
  const [cluster, id] = [host.cluster, host.id].map(encodeURIComponent);
  get(`hosts/${cluster}/${id}/history`)
    .then((json) => applyHostHistory(host, listOf(json["items"])))
    .catch(() => {});
}

/** Where clients of a server come in; for pages that say what to try next. */
export interface Doors {
  readonly tunnels: readonly string[];
  readonly isTunnelTls: boolean;
  /** Agents have to show one. */
  readonly wantsCredential: boolean;
  readonly frontends: readonly { readonly frontend: string; readonly clients: number }[];
  readonly clusters: readonly string[];
}

/** @throws {ApiError} */
export async function askDoors(): Promise<Doors> {
  const [status, frontends, clusters] = await Promise.all([
    get("status"),
    get("frontends"),
    get("clusters?limit=1000"),
  ]);
  const tunnel = objectOf(status["tunnel"]);
  return {
    tunnels: textsOf(tunnel["addresses"]),
    isTunnelTls: tunnel["tls"] === true,
    wantsCredential: textOf(tunnel["credential"]) !== "none",
    frontends: listOf(frontends["items"]).map((item) => ({
      frontend: textOf(item["frontend"]),
      clients: numberOf(item["clients"]),
    })),
    clusters: listOf(clusters["items"]).map((item) => textOf(item["name"])),
  };
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(rest);
  if (!document.hidden) {
    following?.connect();
    return;
  }
  rest = setTimeout(() => {
    if (link.value.state !== "live") return;
    following?.pause();
    link.value = { state: "resting", problem: "" };
  }, REST_AFTER_MS);
});
addEventListener("online", () => following?.connect());
