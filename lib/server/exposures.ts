/** Frontends that agents have asked for: there as long as one of the agents is. */
import { formatAddress } from "../address.ts";
import { formatExposeUrl, parseExposeUrl } from "../codec/expose_url.ts";
import type { ExposeUrl } from "../codec/expose_url.ts";
import type { ExposeRequest, ExposeResult } from "../codec/message.ts";
import { RevtunError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ServerConfig } from "./config.ts";
import { ruleFor } from "./expose_rule.ts";
import type { ExposeRule } from "./expose_rule.ts";
import type { FrontendSet } from "./frontend_set.ts";
import type { Host } from "./host.ts";
import type { HttpRouting } from "./http_routing.ts";
import type { ListenSpec } from "./listen_spec.ts";

/** Frontends that one agent may have, and all agents together. */
const MAX_PER_HOST = 64;
const MAX_IN_ALL = 1000;
/** Results in one answer: with texts of 300 characters they fit a frame, however JSON escapes them. */
const RESULTS_AT_ONCE = 16;
const MAX_TEXT = 300;

/** One frontend, for those who look at the server. */
export interface Exposure {
  /** As it was asked for, in one spelling. */
  readonly url: string;
  /** Where clients come in: an address, or a host of the HTTP frontends. */
  readonly address: string;
  readonly cluster: string;
  readonly target: string;
  /** Agents that it leads to. */
  readonly hosts: ReadonlySet<Host>;
}

/** What they need of their server. */
export interface ExposureDeps {
  readonly rules: readonly ExposeRule[];
  /** For them alone, who own it: what the configuration names comes and goes without them. */
  readonly frontends: FrontendSet;
  readonly routing: HttpRouting;
  readonly log: Log;
}

interface OpenExposure extends Exposure {
  readonly hosts: Set<Host>;
  /** Of those hosts, for the balancer. */
  readonly hostIds: Set<string>;
  readonly spec: ListenSpec | undefined;
}

/** Takes some of the results. */
type Reply = (results: ExposeResult[]) => void;

interface Wish {
  readonly requests: readonly ExposeRequest[];
  readonly reply: Reply;
}

/** All of a server's. */
export class Exposures {
  readonly #deps: ExposureDeps;
  #rules: readonly ExposeRule[];
  /** By their url. */
  readonly #open = new Map<string, OpenExposure>();
  /** What each host wants now, until that is done; the latest word of a host counts. */
  readonly #wishes = new Map<Host, Wish>();
  #work: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: ExposureDeps) {
    this.#deps = deps;
    this.#rules = deps.rules;
  }

  /** Those that are there, in the order of their coming. */
  get list(): Iterable<Exposure> {
    return this.#open.values();
  }

  /** Makes `requests` all that `host` has; `reply` learns what came of each, some at a time. */
  set(host: Host, requests: readonly ExposeRequest[], reply: Reply): void {
    if (this.#isStopped) return;
    this.#wishes.set(host, { requests, reply });
    this.#work ??= this.#run();
  }

  /** A host is gone, and with it what it alone had. */
  hostLeft(host: Host): void {
    const isKnown = this.#wishes.has(host) ||
      this.#open.values().some(({ hosts }) => hosts.has(host));
    if (isKnown) this.set(host, [], () => {});
  }

  /** Goes by other settings; what their rules do not allow any more is closed. */
  configure(config: ServerConfig): void {
    this.#deps.frontends.configure(config);
    this.setRules(config.allowExpose);
  }

  /** Goes by other rules; what they do not allow any more is closed. */
  setRules(rules: readonly ExposeRule[]): void {
    this.#rules = rules;
    for (const exposure of [...this.#open.values()]) {
      const url = parseExposeUrl(exposure.url);
      for (const host of [...exposure.hosts]) {
        if (ruleFor(rules, url, host.identity) === undefined) this.#release(exposure, host);
      }
    }
  }

  /** What clients have under way that came in by them; of HTTP it is with the HTTP frontends. */
  streams(): ReturnType<FrontendSet["streams"]> {
    return this.#deps.frontends.streams();
  }

  /** Connections of clients that came in by them. */
  get clientCount(): number {
    return this.#deps.frontends.clientCount;
  }

  /** Takes who waits to be accepted; resolves with their number. */
  drainQueues(): Promise<number> {
    return this.#deps.frontends.drainQueues();
  }

  /** Takes no clients and no wishes any more; resolves when nothing is being opened. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wishes.clear();
    await this.#work;
    await this.#deps.frontends.stopListening();
  }

  /** Lets what is under way end; resolves when no client is left. */
  async drain(): Promise<void> {
    await this.#deps.frontends.drain();
  }

  /** Closes every client. */
  close(): void {
    this.#deps.frontends.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // Not before the caller has kept this promise.
    await Promise.resolve();
    for (const [host, { requests, reply }] of this.#wishes) {
      this.#wishes.delete(host);
      const isWanted = new Set(requests.map(({ url }) => canonical(url)));
      for (const exposure of [...this.#open.values()]) {
        if (exposure.hosts.has(host) && !isWanted.has(exposure.url)) this.#release(exposure, host);
      }
      const results: ExposeResult[] = [];
      for (const [index, request] of requests.entries()) {
        results.push(
          index < MAX_PER_HOST ? await this.#expose(host, request) : tooMany(request),
        );
        // It may have left meanwhile, or changed its mind.
        if (this.#wishes.has(host)) break;
      }
      this.#logRefused(results, host);
      for (let at = 0; at < results.length; at += RESULTS_AT_ONCE) {
        reply(results.slice(at, at + RESULTS_AT_ONCE));
      }
    }
    this.#work = undefined;
  }

  async #expose(host: Host, { url: text, target }: ExposeRequest): Promise<ExposeResult> {
    try {
      const url = parseExposeUrl(text);
      const address = await this.#openFor(host, url, target);
      return { url: text, address };
    } catch (error) {
      if (!(error instanceof RangeError) && !(error instanceof RevtunError)) throw error;
      return refusal(text, error.message);
    }
  }

  /** @throws {RangeError | RevtunError} why not. */
  async #openFor(host: Host, url: ExposeUrl, target: string): Promise<string> {
    const rule = ruleFor(this.#rules, url, host.identity);
    if (rule === undefined) {
      throw new RangeError(`no --allow-expose of the server lets this agent have it`);
    }
    if (!host.mayServe(target)) {
      throw new RangeError("clients may not reach that target through it");
    }
    const name = formatExposeUrl(url);
    const known = this.#open.get(name);
    if (known !== undefined) {
      if (known.cluster !== host.cluster || known.target !== target) {
        throw new RangeError(`cluster "${known.cluster}" has it, for another target or of its own`);
      }
      known.hosts.add(host);
      known.hostIds.add(host.id);
      return known.address;
    }
    const owner = url.scheme === "http" ? this.#deps.routing.ownerOf(url.host) : undefined;
    if (owner !== undefined && owner !== host.cluster) {
      throw new RangeError(`it is the name of cluster "${owner}"`);
    }
    this.#checkCounts(host);
    const hostIds = new Set([host.id]);
    const place = { cluster: host.cluster, target, hostIds };
    const common = { url: name, cluster: host.cluster, target, hosts: new Set([host]), hostIds };
    if (url.scheme === "http") {
      this.#deps.routing.expose(url.host, place);
      this.#open.set(name, { ...common, address: url.host, spec: undefined });
      this.#logOpened(name, host);
      return url.host;
    }
    const listenHost = rule.scheme === "http" ? "" : rule.host;
    const spec: ListenSpec = {
      scheme: url.scheme,
      address: { kind: "tcp", host: listenHost, port: url.port },
      ...place,
    };
    const address = formatAddress(await this.#deps.frontends.add(spec));
    this.#open.set(name, { ...common, address, spec });
    this.#logOpened(name, host);
    return address;
  }

  #checkCounts(host: Host): void {
    if (this.#open.size >= MAX_IN_ALL) {
      throw new RangeError(`agents have ${MAX_IN_ALL} frontends of this server already`);
    }
    let count = 0;
    for (const { hosts } of this.#open.values()) if (hosts.has(host)) count += 1;
    if (count >= MAX_PER_HOST) throw new RangeError(`this agent has ${MAX_PER_HOST} already`);
  }

  #release(exposure: OpenExposure, host: Host): void {
    exposure.hosts.delete(host);
    exposure.hostIds.delete(host.id);
    if (exposure.hosts.size > 0) return;
    this.#open.delete(exposure.url);
    if (exposure.spec !== undefined) void this.#deps.frontends.remove(exposure.spec);
    else this.#deps.routing.conceal(exposure.address);
    this.#deps.log.info("frontend.concealed", "A frontend goes with the last agent that had it", {
      frontend: exposure.url,
      cluster: exposure.cluster,
    });
  }

  /** One line for all that it asked for at once: who asks for thousands shall not fill the log. */
  #logRefused(results: readonly ExposeResult[], host: Host): void {
    const refused = results.filter(({ reason }) => reason !== undefined);
    const [first] = refused;
    if (first === undefined) return;
    this.#deps.log.warn("frontend.refused", `An agent's frontend is refused: ${first.reason}`, {
      cluster: host.cluster,
      host: host.hostName,
      frontend: first.url,
      ...(refused.length > 1 && { more: refused.length - 1 }),
    });
  }

  #logOpened(url: string, host: Host): void {
    this.#deps.log.info("frontend.exposed", "A frontend was opened for an agent", {
      frontend: url,
      cluster: host.cluster,
      host: host.hostName,
    });
  }
}

function tooMany({ url }: ExposeRequest): ExposeResult {
  return refusal(url, `an agent may have ${MAX_PER_HOST} frontends`);
}

function refusal(url: string, reason: string): ExposeResult {
  return { url: url.slice(0, MAX_TEXT), reason: reason.slice(0, MAX_TEXT) };
}

/** A url in one spelling; itself if it is none. */
function canonical(text: string): string {
  try {
    return formatExposeUrl(parseExposeUrl(text));
  } catch {
    return text;
  }
}
