/** The pictures of docs/concepts.md. */
import { arrow, box, line, message, picture, rect, text } from "./shapes.ts";

/** Who is who: clients, frontends, clusters, hosts, targets. */
function parts(): string {
  const host = (y: number, name: string, lines: string[]) =>
    box({ x: 520, y, w: 168, h: 62 }, "host", name, lines);
  const target = (y: number, name: string, address: string) =>
    box({ x: 770, y, w: 158, h: 48 }, "plain", name, [address]);
  const pipes = [112, 132, 192, 212, 330].map((y) =>
    arrow([[516, y], [392, y]], "dial", { dashed: true })
  );
  return picture(
    { w: 960, h: 424 },
    "Server, frontends, clusters, hosts, agents, targets",
    "Clients reach frontends of the server. Each agent is a host of a cluster at the server, with " +
      "one or more tunnel connections, and dials its targets.",
    [
      text(30, 32, "clients", "bold"),
      text(300, 32, "tunnel server", "bold mid"),
      text(604, 32, "agents: hosts of clusters", "bold mid"),
      text(849, 32, "targets", "bold mid"),
      box({ x: 24, y: 92, w: 100, h: 46 }, "plain", "browser"),
      box({ x: 24, y: 186, w: 100, h: 46 }, "plain", "ssh"),
      box({ x: 24, y: 310, w: 100, h: 46 }, "plain", "curl -x"),
      rect({ x: 210, y: 48, w: 180, h: 350 }, "server", 10),
      text(300, 74, "frontends", "mid on bold"),
      ...[["http://:8080", 115], ["tcp://:2222", 209], ["socks5://:1080", 333]].map(([name, y]) =>
        text(222, Number(y) + 4, String(name), "mono soft")
      ),
      text(300, 386, ":9000 for agents", "mid mono soft"),
      arrow([[128, 115], [204, 115]], "request"),
      arrow([[128, 209], [204, 209]], "request"),
      arrow([[128, 333], [204, 333]], "request"),
      rect({ x: 446, y: 66, w: 266, h: 190 }, "cluster", 12),
      text(458, 86, "cluster edge-a", "small bold"),
      rect({ x: 446, y: 276, w: 266, h: 122 }, "cluster", 12),
      text(458, 296, "cluster edge-b", "small bold"),
      ...pipes,
      host(94, "host till-7", ["2 connections"]),
      host(174, "host till-8", ["2 connections"]),
      host(304, "host cam-1", ["1 connection"]),
      target(66, "the default", "127.0.0.1:8000"),
      target(126, "ssh", "127.0.0.1:22"),
      target(186, "the default", "127.0.0.1:8000"),
      target(312, "anything", "--allow 10.1.0.0/16"),
      arrow([[692, 118], [764, 92]], "request"),
      arrow([[692, 128], [764, 148]], "request"),
      arrow([[692, 206], [764, 210]], "request"),
      arrow([[692, 336], [764, 336]], "request"),
      text(446, 416, "dashed: a tunnel connection, dialled by the agent", "small"),
    ],
  );
}

/** Lives of a sequence with their heads. */
function lives(
  heads: readonly (readonly [x: number, name: string, kind: string])[],
  bottom: number,
): string[] {
  return heads.flatMap(([x, name, kind]) => [
    line(x, 52, x, bottom, "life"),
    box({ x: x - 74, y: 18, w: 148, h: 34 }, kind, name),
  ]);
}

/** The way of a request, with what is counted for it. */
function request(): string {
  const [client, server, agent, target] = [100, 350, 620, 860] as const;
  const span = (from: number, to: number, y: number, words: string) =>
    [
      arrow([[from, y], [to, y]], "line", { both: true }),
      text((from + to) / 2, y + 17, words, "mid small"),
    ].join("\n");
  return picture(
    { w: 960, h: 420 },
    "The way of a request",
    "A client's request reaches a frontend, is routed to a cluster, waits for a host if it must, " +
      "goes down a stream to the agent, which dials the target. The answer comes back the same way.",
    [
      ...lives([
        [client, "client", "plain"],
        [server, "server", "server"],
        [agent, "agent", "agent"],
        [target, "target", "plain"],
      ], 366),
      message([client, server], 92, "1  GET / of shop.example.com", "request"),
      text(server + 10, 120, "2  route: cluster and target?", "small"),
      text(server + 10, 142, "3  which host: weight and load?", "small"),
      text(server + 10, 164, "4  none there: wait, --hold at most", "small"),
      message([server, agent], 202, "5  a stream: which target, who asks", "request"),
      text(agent + 10, 226, "6  may it be dialled?", "small"),
      message([agent, target], 254, "7  dial, or one that is there", "request"),
      message([target, agent], 290, "8  the answer", "request"),
      message([agent, server], 310, "as it comes, both ways at once", "request"),
      message([server, client], 330, "no faster than it is read", "request"),
      span(client, server, 384, "frontend"),
      span(server, server + 90, 384, "queue"),
      span(server + 90, agent, 384, "tunnel"),
      span(agent, target, 384, "dial, first byte"),
    ],
  );
}

/** Streams of a session on one connection. */
function session(): string {
  const frames = [
    [1, "data 1"],
    [2, "data 2"],
    [1, "data 1"],
    [3, "open 3"],
    [2, "data 2"],
    [2, "more 2"],
    [3, "data 3"],
    [1, "end 1"],
  ] as const;
  const kinds = ["one", "two", "three"];
  const lanes = [["1", "a download", 86], ["2", "ssh", 134], [
    "3",
    "a small request",
    182,
  ]] as const;
  return picture(
    { w: 960, h: 248 },
    "One connection, many streams",
    "The frames of several streams alternate on one tunnel connection. Each stream has a window of " +
      "its own, so that a slow reader stops its own stream only.",
    [
      text(24, 32, "at the server", "bold"),
      text(936, 32, "at the agent", "bold end"),
      text(480, 32, "one tunnel connection", "bold mid"),
      rect({ x: 250, y: 96, w: 460, h: 72 }, "pipe", 30),
      ...frames.flatMap(([id, words], at) => [
        `<rect x="${268 + at * 53}" y="112" width="50" height="40" rx="5" class="${
          kinds[id - 1]
        }"/>`,
        text(293 + at * 53, 137, words, "mid mono on"),
      ]),
      ...lanes.flatMap(([id, name, y], at) => [
        `<circle cx="38" cy="${y}" r="11" class="${kinds[at]}"/>`,
        text(38, y + 5, id, "mid on bold"),
        text(58, y + 5, name),
        arrow([[178, y], [240, 132 + (at - 1) * 14]], "line"),
        arrow([[720, 132 + (at - 1) * 14], [772, y]], "line"),
        `<circle cx="794" cy="${y}" r="11" class="${kinds[at]}"/>`,
        text(794, y + 5, id, "mid on bold"),
        text(812, y + 5, ["slow: it alone waits", "at once", "at once"][at]!, "small"),
      ]),
      text(
        480,
        226,
        "A stream sends what its window allows; the window grows with the link's delay, within a budget.",
        "mid small",
      ),
    ],
  );
}

/** How an agent gets in. */
function handshake(): string {
  const [agent, server] = [170, 650] as const;
  return picture(
    { w: 820, h: 386 },
    "The handshake",
    "The agent dials, TLS is set up if it is asked for, the agent says who it is, the server " +
      "answers. Then both speak a session of streams, or plain exchanges with MOSN's.",
    [
      ...lives([[agent, "agent", "agent"], [server, "server", "server"]], 366),
      message([agent, server], 92, "dials port 9000", "dial"),
      message([agent, server], 128, "TLS, if tls://: certificate or pin checked first", "dial"),
      message(
        [agent, server],
        164,
        "init: cluster, host name, weight, credential, what it can do",
        "dial",
      ),
      text(server + 12, 190, "cluster known?", "small"),
      text(server + 12, 208, "credential good?", "small"),
      text(server + 12, 226, "limits kept?", "small"),
      message([server, agent], 246, "yes: server id, number of servers", "dial"),
      message([server, agent], 278, "no: why, and whether to come again", "refuse"),
      line(agent, 300, server, 300, "life"),
      message([server, agent], 332, "from now on: streams, each to a target", "request"),
      message([agent, server], 356, "pings, health of targets, farewells", "dial"),
    ],
  );
}

/** Draining, and one server taking over from another. */
function takeover(): string {
  const at = (t: number) => 150 + t * 72;
  const bar = (y: number, from: number, to: number, kind: string, words: string) =>
    [
      rect({ x: at(from), y, w: at(to) - at(from), h: 26 }, kind, 5),
      text((at(from) + at(to)) / 2, y + 18, words, "mid on small"),
    ].join("\n").replace("mid on small", "mid on");
  const mark = (t: number, words: string) =>
    [line(at(t), 48, at(t), 214, "life"), text(at(t), 38, words, "mid small")].join("\n");
  return picture(
    { w: 960, h: 262 },
    "A server takes over from another",
    "The next server listens for agents first; agents dial it before they leave the old one; then " +
      "it takes the clients, and the old server ends when its requests have.",
    [
      mark(2, "starts with --takeover"),
      mark(4.6, "hosts have come over"),
      mark(7, "last request ended"),
      text(24, 80, "old server", "bold"),
      bar(62, 0, 4.6, "old", "clients and agents"),
      bar(62, 4.6, 7, "old", "what is under way"),
      text(24, 124, "next server", "bold"),
      bar(106, 2, 4.6, "agent", "agents only"),
      bar(106, 4.6, 10.8, "server", "clients and agents"),
      text(24, 168, "an agent", "bold"),
      bar(150, 0, 7, "old", "connection to the old one"),
      bar(182, 2.8, 10.8, "agent", "connection to the next one"),
      text(
        480,
        242,
        "At no time is there nobody: the replacement is there before the old one is left.",
        "mid small",
      ),
    ],
  );
}

/** How an agent learns of servers. */
function discovery(): string {
  const servers = [["cloud-1:9000", 54], ["cloud-2:9000", 132], ["cloud-3:9000", 210]] as const;
  return picture(
    { w: 960, h: 304 },
    "An agent learns of servers",
    "A lister reads DNS, a file or a URL; the agent keeps connections to every server that is listed.",
    [
      box({ x: 24, y: 34, w: 176, h: 42 }, "plain", "DNS: A, AAAA, SRV"),
      box({ x: 24, y: 98, w: 176, h: 42 }, "plain", "a file, a ConfigMap"),
      box({ x: 24, y: 162, w: 176, h: 42 }, "plain", "https://…/servers"),
      box({ x: 24, y: 226, w: 176, h: 42 }, "plain", "--server, as written"),
      ...[55, 119, 183, 247].map((y) => arrow([[204, y], [292, 132 + (y - 151) / 4]], "line")),
      box({ x: 298, y: 76, w: 176, h: 130 }, "agent", "revtun agent", [
        "asks again and again",
        "2 connections each",
      ]),
      ...servers.map(([name, y]) => box({ x: 700, y, w: 176, h: 52 }, "server", name)),
      ...servers.map(([, y]) =>
        arrow([[480, 141 + (y - 132) / 4], [694, y + 26]], "dial", { dashed: true })
      ),
      text(588, 284, "one that is gone from the list is left gracefully", "mid small"),
    ],
  );
}

/** By file name. */
export const CONCEPTS: Readonly<Record<string, string>> = {
  "concepts.svg": parts(),
  "request.svg": request(),
  "session.svg": session(),
  "handshake.svg": handshake(),
  "takeover.svg": takeover(),
  "discovery.svg": discovery(),
};
