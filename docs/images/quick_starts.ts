/** A picture for each quick start: the same way, with other names on it. */
import { arrow, box, picture, rect, text } from "./shapes.ts";

interface Way {
  readonly title: string;
  readonly client: readonly [title: string, ...lines: string[]];
  /** What the client says, above its arrow. */
  readonly asks: string;
  readonly server: readonly string[];
  readonly agent: readonly string[];
  readonly target: readonly [title: string, ...lines: string[]];
  /** What the agent dials, above its arrow. */
  readonly dials: string;
}

function strip({ title, client, asks, server, agent, target, dials }: Way): string {
  const [clientName, ...clientLines] = client;
  const [targetName, ...targetLines] = target;
  return picture(
    { w: 960, h: 212 },
    title,
    `${clientName}: ${asks}. The server in the cloud has ${server.join(", ")}. The agent at the ` +
      `edge (${agent.join(", ")}) keeps a connection to it and dials ${targetName}: ${dials}.`,
    [
      rect({ x: 18, y: 40, w: 436, h: 152 }, "cloud", 10),
      rect({ x: 560, y: 40, w: 382, h: 152 }, "edge", 10),
      text(18, 29, "Cloud", "bold"),
      text(942, 29, "Edge: nobody can dial in", "bold end"),
      rect({ x: 396, y: 92, w: 222, h: 48 }, "pipe", 24),
      box({ x: 30, y: 78, w: 138, h: 76 }, "plain", clientName, clientLines),
      box({ x: 256, y: 60, w: 152, h: 112 }, "server", "revtun server", server),
      box({ x: 606, y: 60, w: 146, h: 112 }, "agent", "revtun agent", agent),
      box({ x: 812, y: 78, w: 116, h: 76 }, "plain", targetName, targetLines),
      arrow([[172, 116], [250, 116]], "request", { both: true }),
      text(211, 104, asks, "mid small"),
      arrow([[602, 106], [414, 106]], "dial", { dashed: true }),
      arrow([[414, 126], [600, 126]], "request", { both: true }),
      text(508, 84, "dials out, stays", "mid small"),
      text(508, 158, "streams, both ways", "mid small"),
      arrow([[756, 116], [806, 116]], "request", { both: true }),
      text(781, 186, dials, "mid small"),
    ],
  );
}

const WAYS: Readonly<Record<string, Way>> = {
  web: {
    title: "A web service at the edge, asked for in the cloud",
    client: ["browser", "or curl"],
    asks: "GET /",
    server: [":8080 clients", ":9000 agents"],
    agent: ["cluster edge-a"],
    target: ["service", ":8000"],
    dials: "127.0.0.1:8000",
  },
  ssh: {
    title: "ssh to a box at the edge",
    client: ["ssh", "-p 2222 cloud"],
    asks: "tcp",
    server: ["tcp://:2222", "to edge-a/ssh"],
    agent: ["target ssh", "on the box"],
    target: ["sshd", ":22"],
    dials: "127.0.0.1:22",
  },
  kubelet: {
    title: "A kube-apiserver reaches kubelets behind NAT",
    client: ["kube-apiserver", "egress selector"],
    asks: "CONNECT",
    server: ["connect://", "egress.sock"],
    agent: ["cluster site-1", "--allow …:10250"],
    target: ["kubelet", "10.1.2.3"],
    dials: "TLS to 10.1.2.3:10250, untouched",
  },
  grpc: {
    title: "gRPC calls to the edge",
    client: ["gRPC client", "cloud:8080"],
    asks: "HTTP/2",
    server: ["each call", "by itself"],
    agent: ["target greeter", "h2c://"],
    target: ["gRPC server", ":50051"],
    dials: "HTTP/2 to 127.0.0.1:50051",
  },
  forward: {
    title: "A forward proxy into an edge network",
    client: ["curl", "--socks5 …"],
    asks: "to where?",
    server: ["socks5://:1080", "connect://:3128"],
    agent: ["--allow", "10.1.0.0/16:80"],
    target: ["10.1.2.3", "any of them"],
    dials: "what the client named",
  },
  coming: {
    title: "Who decides about ports",
    client: ["clients", "as before"],
    asks: "as before",
    server: ["--listen, or", "--allow-expose"],
    agent: ["--target, and", "may --expose"],
    target: ["services", "as before"],
    dials: "what --target says",
  },
};

/** By file name. */
export const QUICK_STARTS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(WAYS).map(([name, way]) => [`quick-${name}.svg`, strip(way)]),
);
