/**
 * `connect://`: a forward proxy into edge networks by HTTP's CONNECT (RFC 9110 section 9.3.6), and
 * for plain HTTP by requests that name a whole URL.
 */
import type { UserFile } from "../../auth/user_file.ts";
import { INCOMPLETE } from "../../codec/http1/head.ts";
import { HeldBytes } from "../../codec/http1/held_bytes.ts";
import { HttpError } from "../../codec/http1/http_error.ts";
import { RequestHead } from "../../codec/http1/request_head.ts";
import { DialError } from "../../errors.ts";
import { basicCredentials, TOO_MANY_CHECKS } from "../../http/access.ts";
import { chooseFormat, renderAnswer } from "../../http/answer.ts";
import type { Answer } from "../../http/answer.ts";
import { answerForLoss, answerForRequest, answerForUpstream } from "../../http/failure.ts";
import type { HttpFrontend } from "../../http/http_frontend.ts";
import { UpstreamError } from "../../upstream.ts";
import { withDoor } from "./door.ts";
import {
  answerForDestination,
  checkForwardProxy,
  DestinationError,
  destinationOf,
  FORWARD_PROXY_OPTIONS,
  joinDestination,
  openUsers,
} from "./forward_proxy.ts";
import { forwardHttp } from "./forward_http.ts";
import type { FrontendKind, FrontendServices } from "./frontend.ts";
import { changeable } from "./http.ts";
import { EndedEarlyError, PrereadClient, PrereadTimeoutError } from "./preread_client.ts";
import type { Preread } from "./preread_client.ts";
import { refuseClient } from "./refuse_client.ts";

export const CONNECT_KIND: FrontendKind = {
  needsCluster: false,
  options: FORWARD_PROXY_OPTIONS,
  check: checkForwardProxy,
  make(spec, services) {
    const users = openUsers(spec, services);
    const http = forwardHttp(spec.cluster, services, users);
    const scratch = new RequestHead();
    scratch.ignoresConnectHost = true;
    const rules = { cluster: spec.cluster, users, scratch, http };
    const { timers } = services.runtime;
    return withDoor(spec, services, {
      serve(client) {
        const preread = new PrereadClient(client, timers, services.config.prereadTimeoutMs);
        preread.listen(new ConnectClient(preread, rules, services));
      },
      configure: (next) => http.configure(changeable(next, services.routing)),
      drain: () => void http.drain(),
      close: () => {
        http.close();
        users?.close();
      },
    });
  },
};

const ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n");

/** What the clients of one frontend have in common. */
interface ConnectRules {
  readonly cluster: string | undefined;
  readonly users: UserFile | undefined;
  /** For what happens within one call. */
  readonly scratch: RequestHead;
  /** Serves those that begin with a request for a URL. */
  readonly http: HttpFrontend;
}

/** A CONNECT as far as it is needed once its bytes are gone. */
interface ConnectRequest {
  readonly authority: string;
  readonly credentials: string | undefined;
  readonly accept: string | undefined;
}

/** One client, from its first byte until it is joined or refused. */
class ConnectClient implements Preread {
  readonly #client: PrereadClient;
  readonly #rules: ConnectRules;
  readonly #services: FrontendServices;
  #held: HeldBytes | undefined;
  #accept: string | undefined;

  constructor(client: PrereadClient, rules: ConnectRules, services: FrontendServices) {
    this.#client = client;
    this.#rules = rules;
    this.#services = services;
  }

  take(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      const end = this.#parse(bytes, 0, bytes.length);
      if (end !== INCOMPLETE) return;
      this.#held = new HeldBytes(this.#services.runtime.pool);
    }
    const held = this.#held;
    held.append(bytes);
    if (!held.isHeadLikely()) return;
    this.#parse(held.buffer!.bytes, held.start, held.end);
  }

  failed(failure: unknown): void {
    this.#held?.clear();
    if (failure instanceof HttpError) {
      this.#refuse("connect", answerForRequest(failure));
    } else if (failure instanceof PrereadTimeoutError) {
      const late = new HttpError(408, "limit", this.#held?.length ?? 0, "its head is late");
      this.#refuse("slow", answerForRequest(late));
    } else {
      refuseClient(this.#client, this.#services, { reason: "connect", detail: failure });
      if (!(failure instanceof EndedEarlyError)) throw failure;
    }
  }

  /** @throws {HttpError} */
  #parse(bytes: Uint8Array, start: number, end: number): number {
    const { scratch } = this.#rules;
    const headEnd = scratch.parse(bytes, start, end);
    if (headEnd === INCOMPLETE) return INCOMPLETE;
    if (scratch.form === "absolute") {
      this.#client.hold(bytes.subarray(start, end));
      this.#held?.clear();
      this.#rules.http.serve(this.#client, this.#client.remote);
      return headEnd;
    }
    const rest = bytes.slice(headEnd, end);
    const request = readRequest(scratch);
    this.#held?.clear();
    this.#client.hold(rest);
    this.#accept = request.accept;
    this.#authorize(request);
    return headEnd;
  }

  #authorize(request: ConnectRequest): void {
    const { users } = this.#rules;
    if (users === undefined) return this.#connect(request.authority);
    const { credentials } = request;
    if (credentials === undefined) {
      return this.#refuse("unauthorized", challenge("This proxy asks for a name and a password."));
    }
    const known = users.known(credentials);
    if (known !== undefined) return this.#authorized(known, request.authority);
    users.check(credentials).then(
      (isGood) => {
        if (!this.#client.isClosed) this.#authorized(isGood, request.authority);
      },
      () => {
        if (!this.#client.isClosed) this.#refuse("unauthorized", TOO_MANY_CHECKS);
      },
    );
  }

  #authorized(isGood: boolean, authority: string): void {
    if (isGood) this.#connect(authority);
    else this.#refuse("unauthorized", challenge("The name or the password is wrong."));
  }

  #connect(authority: string): void {
    const colon = authority.lastIndexOf(":");
    const host = authority.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
    let place;
    try {
      place = destinationOf(
        host,
        Number(authority.slice(colon + 1)),
        this.#rules.cluster,
        this.#services.upstreams,
      );
    } catch (error) {
      if (!(error instanceof DestinationError)) throw error;
      this.#refuse("destination", answerForDestination(error));
      return;
    }
    const { cluster } = place;
    joinDestination(this.#client, place, this.#services, {
      opened: () => this.#client.write(ESTABLISHED),
      failed: (error) => {
        const isForbidden = error instanceof DialError && error.failure === "notAllowed";
        const answer = error instanceof UpstreamError
          ? answerForUpstream(error, { cluster })
          : answerForLoss(error as Error | undefined, { cluster });
        if (isForbidden) this.#refuse("not-allowed", { ...answer, status: 403 });
        else this.#refuse("destination", answer);
      },
    });
  }

  #refuse(reason: string, answer: Answer): void {
    const style = { isHead: false, isKeepAlive: false, isHttp10: false };
    const format = chooseFormat(this.#accept);
    refuseClient(this.#client, this.#services, {
      reason,
      detail: answer.detail,
      answer: renderAnswer(answer, { ...style, format }),
    });
  }
}

/** @throws {HttpError} a request that is no CONNECT, or one with a body. */
function readRequest(head: RequestHead): ConnectRequest {
  if (head.method !== "CONNECT") {
    const detail = "it names no destination: this is a proxy, which takes CONNECT host:port and " +
      "requests for http://host:port/";
    throw new HttpError(400, "syntax", 0, detail);
  }
  if (head.isChunked || head.contentLength > 0) {
    throw new HttpError(400, "syntax", 0, "a CONNECT has no body");
  }
  const authority = head.host;
  if (!/:\d+$/.test(authority)) {
    throw new HttpError(400, "syntax", 0, "a CONNECT names host:port");
  }
  return {
    authority,
    credentials: basicCredentials(head.header("proxy-authorization")),
    accept: head.header("accept"),
  };
}

function challenge(detail: string): Answer {
  return {
    status: 407,
    code: "proxy-unauthorized",
    hop: "frontend",
    detail,
    fields: ['Proxy-Authenticate: Basic realm="revtun", charset="UTF-8"'],
  };
}
