/** HTTP/1.1 and HTTP/2 for the clients of one listener: each of their requests is routed by itself. */
import type { Address } from "../address.ts";
import { RequestHead } from "../codec/http1/request_head.ts";
import { ResponseHead } from "../codec/http1/response_head.ts";
import type { Duplex } from "../duplex.ts";
import { StreamIds } from "../live_streams.ts";
import { LinkedList } from "../linked_list.ts";
import type { LiveStream } from "../live_streams.ts";
import type { Runtime } from "../runtime.ts";
import type { Timer } from "../timer.ts";
import type { Upstreams } from "../upstream.ts";
import type { Access } from "./access.ts";
import { ClientConnection } from "./client_connection.ts";
import { ServerSessions } from "./h2/server_sessions.ts";
import type { H2Refusal } from "./h2/server_sessions.ts";
import { HeadWriter } from "./head_writer.ts";
import { RequestIdLine } from "./request_id.ts";
import { clientFacts } from "./client_facts.ts";
import type { ClientFacts, ForwardedStyle } from "./client_facts.ts";
import { RetryBudget } from "./retry_budget.ts";
import { HeadView } from "./route.ts";
import type { RouteFunction } from "./route.ts";
import { DEFAULT_HTTP_SETTINGS } from "./settings.ts";
import type { HttpSettings } from "./settings.ts";
import type { TrustedProxies } from "./trusted_proxies.ts";
import type { RequestWatch, WatchedRequest } from "./watched_request.ts";

/** What a frontend is told at its making. */
export interface HttpFrontendOptions {
  readonly upstreams: Upstreams;
  readonly route: RouteFunction;
  readonly runtime: Runtime;
  /** What differs from {@link DEFAULT_HTTP_SETTINGS}. */
  readonly settings?: Partial<HttpSettings>;
  /** What clients speak, for X-Forwarded-Proto; "http" by default. */
  readonly scheme?: "http" | "https";
  /** Our name in Via; "revtun" by default. */
  readonly via?: string;
  /** How targets are told of clients; "x-forwarded" by default. */
  readonly forwarded?: ForwardedStyle;
  /** Clients whose own forwarding fields are believed and passed on; nobody by default. */
  readonly trustedProxies?: TrustedProxies;
  /** Who may ask; everybody by default. */
  readonly access?: Access;
  /** How it is called where requests are told of; "" by default. */
  readonly name?: string;
  /** Who wants to know of requests; nobody by default. */
  readonly watch?: RequestWatch;
  /** Names of requests under way; its own by default. */
  readonly streamIds?: StreamIds;
  /** Called once for each request, when its answer has begun or it was given up. */
  readonly onAnswer?: (record: AnswerRecord) => void;
  /** Called for each request whose answer passed, at its end. */
  readonly onPassed?: (durationMs: number) => void;
  /** Called for each connection of HTTP/2 that was cut off, and each malformed request on one. */
  readonly onH2Refused?: (refusal: H2Refusal) => void;
}

/** What of it may be changed while it serves. */
export type HttpFrontendChange = Pick<
  HttpFrontendOptions,
  "settings" | "forwarded" | "trustedProxies"
>;

/** One request's outcome, for logs and metrics. */
export interface AnswerRecord {
  /** Undefined where no route was found. */
  readonly cluster: string | undefined;
  readonly hostName: string | undefined;
  /** Of the answer; 0 if the client left before there was one. */
  readonly status: number;
  /** Our own answer's code; undefined for a target's answer. */
  readonly code: string | undefined;
  /** From the request's whole head to the answer's first byte, ms. */
  readonly durationMs: number;
}

/** Client addresses that are remembered with what is told of them. */
const MAX_FACTS = 1024;

/** One listener's HTTP. Owns its clients' connections, not the listener. */
export class HttpFrontend {
  readonly upstreams: Upstreams;
  /** May be replaced at any time: the requests that come then go by the new one. */
  route: RouteFunction;
  /** Undefined where everybody may ask. */
  readonly access: Access | undefined;
  readonly runtime: Runtime;
  #settings: HttpSettings;
  readonly streamIds: StreamIds;
  readonly requestId: RequestIdLine = new RequestIdLine();
  readonly onAnswer: ((record: AnswerRecord) => void) | undefined;
  readonly onPassed: ((durationMs: number) => void) | undefined;
  readonly retries: RetryBudget = new RetryBudget();
  /** Scratch for what happens within one call: one set serves all connections. */
  readonly requestHead: RequestHead;
  readonly responseHead: ResponseHead;
  /** For heads as we have written them, which may be longer than what clients may send. */
  readonly sentHead: RequestHead;
  readonly view: HeadView;
  readonly writer: HeadWriter;
  #options: HttpFrontendOptions;
  readonly #connections = new LinkedList<ClientConnection>();
  /** By address: clients that share one share what is told of them. */
  readonly #facts = new Map<string, ClientFacts>();
  readonly #h2: ServerSessions;
  readonly #waiting: (() => void)[] = [];
  #isDraining = false;
  #drainTimer: Timer | undefined;

  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    this.upstreams = options.upstreams;
    this.route = options.route;
    this.access = options.access;
    this.runtime = options.runtime;
    this.#settings = { ...DEFAULT_HTTP_SETTINGS, ...options.settings };
    this.onAnswer = options.onAnswer;
    this.onPassed = options.onPassed;
    this.streamIds = options.streamIds ?? new StreamIds();
    this.requestHead = new RequestHead(this.settings.headLimits);
    const { maxLineBytes, maxHeadBytes, maxFields } = this.settings.headLimits;
    this.sentHead = new RequestHead({
      maxLineBytes: maxLineBytes * 2,
      maxHeadBytes: maxHeadBytes * 2,
      maxFields: maxFields * 2,
    });
    this.responseHead = new ResponseHead(this.settings.headLimits);
    this.view = new HeadView(this.requestHead, options.trustedProxies);
    this.writer = new HeadWriter(options.runtime.pool);
    this.#h2 = new ServerSessions({
      runtime: options.runtime,
      // Answers are written while the other one is being read.
      responseHead: new ResponseHead(this.settings.headLimits),
      idleTimeoutMs: this.settings.keepAliveTimeoutMs,
      serve: (client, remote) => this.#serveHttp1(client, remote, true),
      onGone: () => this.#left(),
      ...(options.onH2Refused !== undefined && { onRefused: options.onH2Refused }),
    });
  }

  /** As they are now. */
  get settings(): HttpSettings {
    return this.#settings;
  }

  /** Somebody may want to know the times of requests. */
  get isTiming(): boolean {
    return this.#settings.tellsTimings || this.#options.watch?.isOn === true;
  }

  /** A request is about to begin: somebody wants to be told of it. */
  isWatched(head: RequestHead | undefined): boolean {
    const { watch } = this.#options;
    return watch?.isOn === true && watch.wants?.(head) !== false;
  }

  /** A request is about to go to its target; gives the `traceparent` that goes with it. */
  beginWatching(request: WatchedRequest): string | undefined {
    return this.#options.watch?.requestBegun?.(request);
  }

  /** A request is over, at `endedMs` where that is known. */
  tellWatchers(request: WatchedRequest, endedMs = 0): void {
    request.endedMs = endedMs === 0 ? this.runtime.nowMs() : endedMs;
    this.#options.watch?.requestEnded(request);
  }

  /**
   * Changes some of it: for all requests from now on, but for what targets are told of clients,
   * which counts for new clients. The limits of heads stay as they are.
   */
  configure(change: HttpFrontendChange): void {
    this.#options = { ...this.#options, ...change };
    const { headLimits } = this.#settings;
    this.#settings = { ...DEFAULT_HTTP_SETTINGS, ...change.settings, headLimits };
    this.view.proxies = change.trustedProxies;
    this.#facts.clear();
  }

  /** Clients connected now; of HTTP/2 each request under way counts as one more. */
  get connectionCount(): number {
    return this.#connections.size + this.#h2.count;
  }

  /** Requests under way now. */
  get inFlight(): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.isBusy) count += 1;
    return count;
  }

  /** Requests under way now, as they are seen from outside. */
  *exchanges(): Iterable<LiveStream> {
    for (const { exchange } of this.#connections) if (exchange !== undefined) yield exchange;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Serves a client until it or we close; `remote` is its address, if it has one, `alpn` what was
   * agreed on by TLS. Without that, HTTP/2 is known by its first bytes.
   */
  serve(client: Duplex, remote?: Address, alpn?: string): void {
    if (alpn === "h2") this.#h2.serve(client, remote);
    else this.#serveHttp1(client, remote);
  }

  /** Only for a {@link ClientConnection} whose client began with `first`, HTTP/2's preface. */
  serveH2(client: Duplex, remote: Address | undefined, first: Uint8Array): void {
    this.#h2.serve(client, remote, first);
  }

  /**
   * Closes each connection after its next answer, which says so, and those that ask for nothing
   * after `settings.drainIdleMs`: a request that is on its way when an idle connection is closed
   * would be lost. Resolves when all are gone.
   */
  drain(): Promise<void> {
    if (!this.#isDraining) {
      this.#isDraining = true;
      const { drainIdleMs } = this.settings;
      this.#drainTimer = this.runtime.timers.after(drainIdleMs, () => this.#closeIdle());
    }
    this.#h2.drain();
    if (this.connectionCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Closes every connection at once. */
  close(): void {
    this.#isDraining = true;
    this.#drainTimer?.cancel();
    for (const connection of [...this.#connections]) connection.close();
    this.#h2.close();
  }

  /** What targets are told of a client. */
  factsOf(remote: Address | undefined): ClientFacts {
    const name = remote?.kind === "tcp" ? remote.host : remote?.kind ?? "";
    const known = this.#facts.get(name);
    if (known !== undefined) return known;
    const { via, scheme, forwarded, trustedProxies } = this.#options;
    const facts = clientFacts({
      via: via ?? "revtun",
      address: remote?.kind === "tcp" ? remote.host : "",
      scheme: scheme ?? "http",
      isTrusted: remote !== undefined && trustedProxies?.has(remote) === true,
      style: forwarded ?? "x-forwarded",
      isAuthorizationOurs: this.access?.takesAuthorization === true,
    });
    if (this.#facts.size >= MAX_FACTS) this.#facts.clear();
    this.#facts.set(name, facts);
    return facts;
  }

  /** Only for a {@link ClientConnection} that has ended. */
  forget(connection: ClientConnection): void {
    this.#connections.remove(connection);
    this.#left();
  }

  /** How it is called where requests are told of. */
  get name(): string {
    return this.#options.name ?? "";
  }

  #serveHttp1(client: Duplex, remote: Address | undefined, isHttp2 = false): void {
    this.#connections.append(new ClientConnection(client, remote, this, isHttp2));
  }

  #left(): void {
    if (this.connectionCount > 0) return;
    this.#drainTimer?.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #closeIdle(): void {
    for (const connection of [...this.#connections]) connection.closeIfIdle();
  }
}
