/** What decides where a request goes, and what it may look at. */
import type { Address } from "../address.ts";
import { FIELD } from "../codec/http1/field_id.ts";
import type { RequestHead } from "../codec/http1/request_head.ts";
import type { Answer } from "./answer.ts";
import type { HeaderEdits } from "./header_edits.ts";
import type { ClientFacts } from "./client_facts.ts";
import type { TrustedProxies } from "./trusted_proxies.ts";

/** A request as a route sees it; valid during the call only. */
export interface RequestView {
  readonly method: string;
  /** Path and query exactly as they came and go on: nothing decoded, nothing joined. */
  readonly path: string;
  /** Host and port as the client named them; "" for an HTTP/1.0 client that named none. */
  readonly host: string;
  /** The client asks a proxy for what is to be had by TLS; undefined for no. */
  readonly isHttps?: boolean;
  /** Undefined where the client's connection has no address. */
  readonly client: Address | undefined;
  /** The connection comes from a trusted proxy, whose word counts. */
  readonly isTrusted: boolean;
  /** IP address of the client, behind trusted proxies too; "" if it cannot be known. */
  readonly clientIp: string;
  /** All values of a header, joined by ", "; the name in small letters. */
  header(lowerName: string): string | undefined;
}

/** Where a request goes. */
export interface Route {
  readonly cluster: string;
  /** A target's name as the agent declares it; "" is its default target. */
  readonly target: string;
  /** `host:port` in the hosts' network in place of a target. */
  readonly destination?: string;
  /** Only this host of the cluster. */
  readonly hostName?: string;
  /** Only these hosts, by their ids. */
  readonly hostIds?: ReadonlySet<string>;
  /** Requests of one key go to one host while it is there. */
  readonly hashKey?: string;
  /** How they pass, where that differs from the frontend's way. */
  readonly passage?: Passage;
}

/** How the requests of a route pass. What is undefined is as the frontend has it. */
export interface Passage {
  /** The route, as users call it. */
  readonly name: string;
  readonly rewrite?: PathRewrite;
  readonly requestEdits?: HeaderEdits;
  readonly responseEdits?: HeaderEdits;
  /** How long a request waits for a host, ms. */
  readonly holdMs?: number;
  /** From a whole request to the first byte of its answer, ms. */
  readonly answerTimeoutMs?: number;
  /** No byte either way, ms; 0 for never. */
  readonly idleTimeoutMs?: number;
  /** Hosts that one request is sent to at most, where sending it again is safe. */
  readonly maxAttempts?: number;
}

/** Another beginning for paths. */
export interface PathRewrite {
  /** Bytes at the start of the path that are left out. */
  readonly dropBytes: number;
  /** What stands there instead. */
  readonly prefix: Uint8Array;
}

/** Chooses, or says what to answer instead. Must not throw, must not wait. */
export type RouteFunction = (request: RequestView) => Route | Answer;

/** True if a route's verdict is an answer. */
export function isAnswer(verdict: Route | Answer): verdict is Answer {
  return "status" in verdict;
}

/** A {@link RequestView} of a parsed head; one serves all requests of a frontend. */
export class HeadView implements RequestView {
  readonly #head: RequestHead;
  /** Whose word about their clients counts. */
  proxies: TrustedProxies | undefined;
  client: Address | undefined;
  #facts: ClientFacts | undefined;
  /** Clients of one frontend mostly ask for the same host: its text is made once. */
  #lastHost = "";

  constructor(head: RequestHead, proxies?: TrustedProxies) {
    this.#head = head;
    this.proxies = proxies;
  }

  /** Shows the head just parsed as a request of this client. */
  show(client: Address | undefined, facts: ClientFacts): void {
    this.client = client;
    this.#facts = facts;
  }

  get method(): string {
    return this.#head.method;
  }

  get path(): string {
    return this.#head.path;
  }

  get host(): string {
    const { bytes, hostStart, hostEnd } = this.#head;
    const last = this.#lastHost;
    let isLast = hostEnd - hostStart === last.length;
    for (let i = 0; isLast && i < last.length; i++) {
      isLast = bytes[hostStart + i] === last.charCodeAt(i);
    }
    if (!isLast) this.#lastHost = this.#head.host;
    return this.#lastHost;
  }

  get isHttps(): boolean {
    return this.#head.form === "absolute" && this.#head.isHttps;
  }

  get isTrusted(): boolean {
    return this.#facts?.isTrusted === true;
  }

  get clientIp(): string {
    const address = this.#facts?.address ?? "";
    if (!this.isTrusted || !this.#head.has(FIELD.xForwardedFor)) return address;
    return this.proxies!.clientOf(address, this.#head.header("x-forwarded-for")!);
  }

  header(lowerName: string): string | undefined {
    // Asked for with each request, and hardly ever there.
    if (!this.#head.has(FIELD.xRevtun) && lowerName.startsWith("x-revtun-")) return undefined;
    return this.#head.header(lowerName);
  }
}
