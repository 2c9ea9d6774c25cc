/** Who may register what: chosen by the server, never by the agent (unlike MOSN's). */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../secret.ts";

/** What an agent says of itself and shows for it. */
export interface Claim {
  clusterName: string;
  hostName: string;
  /** What the agent names; "" for none. The server has its own mind. */
  credentialPolicy: string;
  credential: string;
}

/** What came of it. */
export type Verdict =
  | { readonly isAllowed: true; readonly identity: string }
  | { readonly isAllowed: false; readonly reason: string };

/** A way to tell who may register what. */
export interface CredentialPolicy {
  /** What agents name it: "none", "token". */
  readonly name: string;
  /** Decides; must not throw. */
  decide(claim: Claim): Verdict | Promise<Verdict>;
}

/** Lets everybody in. */
export const noCredential: CredentialPolicy = {
  name: "none",
  decide: () => ({ isAllowed: true, identity: "" }),
};

/** One secret that all agents share; compared by hash and in constant time. */
export function tokenCredential(token: Secret): CredentialPolicy {
  const expected = sha256(token.reveal());
  return {
    name: "token",
    decide({ credential }) {
      if (credential === "") {
        return { isAllowed: false, reason: "this server wants a token, and none was sent" };
      }
      return timingSafeEqual(sha256(credential), expected)
        ? { isAllowed: true, identity: "token" }
        : { isAllowed: false, reason: "the token is wrong" };
    },
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
