/** `socks5://`: a forward proxy into edge networks (RFC 1928), CONNECT alone. */
import type { UserFile } from "../../auth/user_file.ts";
import {
  encodeSocksMethod,
  encodeSocksReply,
  encodeSocksVerdict,
  SOCKS_METHOD,
  SocksDecoder,
  SocksRefusal,
} from "../../codec/socks5.ts";
import type { SocksMessage, SocksReply } from "../../codec/socks5.ts";
import { DialError } from "../../errors.ts";
import type { DialFailure } from "../../errors.ts";
import { UpstreamError } from "../../upstream.ts";
import type { UpstreamFailure } from "../../upstream.ts";
import { withDoor } from "./door.ts";
import {
  checkForwardProxy,
  destinationOf,
  FORWARD_PROXY_OPTIONS,
  joinDestination,
  openUsers,
} from "./forward_proxy.ts";
import type { FrontendKind, FrontendServices } from "./frontend.ts";
import { PrereadClient } from "./preread_client.ts";
import type { Preread } from "./preread_client.ts";
import { refuseClient } from "./refuse_client.ts";

export const SOCKS5_KIND: FrontendKind = {
  needsCluster: false,
  options: FORWARD_PROXY_OPTIONS,
  check: checkForwardProxy,
  make(spec, services) {
    const users = openUsers(spec, services);
    const { timers } = services.runtime;
    return withDoor(spec, services, {
      serve(client) {
        const preread = new PrereadClient(client, timers, services.config.prereadTimeoutMs);
        preread.listen(new SocksClient(preread, spec.cluster, users, services));
      },
      drain() {},
      close: () => void users?.close(),
    });
  },
};

const DIAL_REPLIES: Readonly<Record<DialFailure, SocksReply>> = {
  refused: "refused",
  unreachable: "hostUnreachable",
  timeout: "timeout",
  notAllowed: "notAllowed",
  noTarget: "hostUnreachable",
  busy: "failed",
  failed: "failed",
};

const UPSTREAM_REPLIES: Readonly<Record<UpstreamFailure, SocksReply>> = {
  noCluster: "networkUnreachable",
  noHost: "networkUnreachable",
  unhealthy: "hostUnreachable",
  busy: "failed",
  overloaded: "failed",
  closing: "failed",
};

/** One client, from its first byte until it is joined or refused. */
class SocksClient implements Preread {
  readonly #client: PrereadClient;
  readonly #cluster: string | undefined;
  readonly #users: UserFile | undefined;
  readonly #services: FrontendServices;
  readonly #decoder = new SocksDecoder();
  #isAtRequest = false;

  constructor(
    client: PrereadClient,
    cluster: string | undefined,
    users: UserFile | undefined,
    services: FrontendServices,
  ) {
    this.#client = client;
    this.#cluster = cluster;
    this.#users = users;
    this.#services = services;
  }

  take(bytes: Uint8Array): void {
    let rest = bytes;
    let isGoingOn = true;
    while (isGoingOn && rest.length > 0) {
      const found = this.#decoder.push(rest);
      if (found === undefined) return;
      rest = found.rest;
      isGoingOn = this.#heard(found.message, rest);
    }
  }

  failed(detail: unknown): void {
    if (detail instanceof SocksRefusal) this.#refuse("socks", detail, detail.reply);
    else if (this.#isAtRequest) this.#refuse("socks", detail, "failed");
    else refuseClient(this.#client, this.#services, { reason: "socks", detail });
  }

  /** True if the next message is waited for, false if somebody else has the client now. */
  #heard(message: SocksMessage, rest: Uint8Array): boolean {
    switch (message.type) {
      case "methods":
        return this.#chooseMethod(message.methods);
      case "password":
        return this.#checkPassword(`${message.user}:${message.password}`, message.user, rest);
      case "request":
        this.#client.hold(rest);
        this.#connect(message.host, message.port);
        return false;
    }
  }

  #chooseMethod(methods: readonly number[]): boolean {
    const wanted = this.#users === undefined ? SOCKS_METHOD.none : SOCKS_METHOD.password;
    if (methods.includes(wanted)) {
      this.#client.write(encodeSocksMethod(wanted));
      this.#expect(this.#users === undefined ? "request" : "password");
      return true;
    }
    this.#client.hold();
    refuseClient(this.#client, this.#services, {
      reason: this.#users === undefined ? "socks" : "unauthorized",
      detail: this.#users === undefined
        ? "it offers no method without a password, and there are no users here"
        : "it offers no name and password",
      answer: encodeSocksMethod(SOCKS_METHOD.noneFits),
    });
    return false;
  }

  #checkPassword(pair: string, user: string, rest: Uint8Array): boolean {
    // A colon in the name would move into the password.
    const known = user.includes(":") ? false : this.#users!.known(pair);
    if (known === true) {
      this.#client.write(encodeSocksVerdict(true));
      this.#expect("request");
      return true;
    }
    this.#client.hold(rest);
    if (known === false) {
      this.#refusePassword("the name or the password is wrong");
      return false;
    }
    this.#users!.check(pair).then((isGood) => {
      if (this.#client.isClosed) return;
      if (!isGood) return this.#refusePassword("the name or the password is wrong");
      this.#client.write(encodeSocksVerdict(true));
      this.#expect("request");
      this.#client.listen(this);
    }, (error: Error) => {
      if (!this.#client.isClosed) this.#refusePassword(error.message);
    });
    return false;
  }

  #refusePassword(detail: string): void {
    refuseClient(this.#client, this.#services, {
      reason: "unauthorized",
      detail,
      answer: encodeSocksVerdict(false),
    });
  }

  #expect(step: "password" | "request"): void {
    this.#decoder.expect(step);
    this.#isAtRequest = step === "request";
  }

  #connect(host: string, port: number): void {
    let place;
    try {
      place = destinationOf(host, port, this.#cluster, this.#services.upstreams);
    } catch (error) {
      this.#refuse("destination", error, "hostUnreachable");
      return;
    }
    joinDestination(this.#client, place, this.#services, {
      opened: () => this.#client.write(encodeSocksReply("succeeded")),
      failed: (error) => {
        const reply = error instanceof DialError
          ? DIAL_REPLIES[error.failure]
          : error instanceof UpstreamError
          ? UPSTREAM_REPLIES[error.failure]
          : "failed";
        this.#refuse(reply === "notAllowed" ? "not-allowed" : "destination", error, reply);
      },
    });
  }

  #refuse(reason: string, detail: unknown, reply: SocksReply): void {
    refuseClient(this.#client, this.#services, { reason, detail, answer: encodeSocksReply(reply) });
  }
}
