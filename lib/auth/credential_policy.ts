/** Who may register what: chosen by the server, never by the agent (unlike MOSN's). */
import { Buffer } from "node:buffer";
import { createHash, hash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../secret.ts";
import type { PeerCertificate } from "../transport/peer_certificate.ts";
import { openPermit } from "./permit.ts";
import type { Permit } from "./permit.ts";

/** What an agent says of itself and shows for it. */
export interface Claim {
  clusterName: string;
  /** "" for MOSN agents, which name none. */
  hostName: string;
  /** What the agent names; "" for none. The server has its own mind. */
  credentialPolicy: string;
  credential: string;
  /** Of the agent's process; "" for MOSN agents, which send none. */
  agentId: string;
  /** Where it comes from, as the server sees it: an IP address, or "unix". */
  remoteIp: string;
  /** What the agent proved by TLS, its chain checked; undefined without. */
  certificate: PeerCertificate | undefined;
  /** A probe registers nothing, and uses nothing up. */
  isProbe: boolean;
}

/** Why a credential is refused: a counter for each. */
export type CredentialFailure =
  | "missing"
  | "wrong"
  | "expired"
  | "cluster"
  | "host"
  | "target"
  | "usedUp"
  | "oversize"
  | "revoked"
  | "inUse"
  | "unavailable";

/** An agent's permit, or why it has none. */
export type Verdict =
  | { readonly isAllowed: true; readonly permit: Permit }
  | {
    readonly isAllowed: false;
    readonly failure: CredentialFailure;
    /** For the agent and the log: no secret stands in it. */
    readonly reason: string;
  };

/** A way to tell who may register what. */
export interface CredentialPolicy {
  /** What agents may call it, its own name first: "token-file", "token". */
  readonly names: readonly [string, ...string[]];
  /** None of its permits names clusters: they have to be declared. False if absent. */
  readonly isWithoutClusters?: boolean;
  /** Decides; must not throw. */
  decide(claim: Claim): Verdict | Promise<Verdict>;
  /**
   * Looks again at a permit that it gave for a place: the same, a changed one, or why there is none
   * any more. Absent where permits hold until they expire.
   */
  review?(permit: Permit, place: Place): Verdict;
  /**
   * Takes back what it gave to these identities, for good and for all servers that share it; absent
   * where somebody else keeps them.
   *
   * @throws {ConfigError} it knows one of them not, or cannot be changed: nothing is taken back.
   */
  revoke?(identities: readonly string[]): Promise<void>;
  /** Set by the server: called when permits that were given may have changed. */
  onChange?: (() => void) | undefined;
  /** Ends what the policy does by itself, such as watching its file. */
  close?(): Promise<void>;
}

/** What a permit was given for. */
export interface Place {
  readonly clusterName: string;
  readonly hostName: string;
}

/** Lets everybody in. */
export const noCredential: CredentialPolicy = {
  names: ["none"],
  decide: () => ({ isAllowed: true, permit: OPEN_PERMIT }),
};

const OPEN_PERMIT = openPermit("");

/** One secret that all agents share; compared by hash and in constant time. */
export function tokenCredential(token: Secret): CredentialPolicy {
  const expected = sha256(token.reveal());
  const permit = openPermit("token");
  return {
    names: ["token"],
    isWithoutClusters: true,
    decide({ credential }) {
      if (credential === "") return missing("a token");
      return timingSafeEqual(sha256(credential), expected)
        ? { isAllowed: true, permit }
        : refused("wrong", "the token is wrong");
    },
  };
}

/** A verdict against an agent. */
export function refused(failure: CredentialFailure, reason: string): Verdict {
  return { isAllowed: false, failure, reason };
}

/** The verdict on an agent that shows nothing. */
export function missing(what: string): Verdict {
  return refused("missing", `this server wants ${what}, and none was sent`);
}

/** Digest of a secret, hexadecimal. */
export function sha256Hex(text: string): string {
  return hash("sha256", text);
}

/** Digest of a secret, for {@link timingSafeEqual}. */
export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
