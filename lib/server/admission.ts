/** Decides whether an agent may register: rules alone, no connection. */
import type { CredentialPolicy } from "../auth/credential_policy.ts";
import { CONNECT_STATUS } from "../codec/message.ts";
import type { ConnectStatus, InitInfo } from "../codec/message.ts";
import { NAME_PATTERN } from "../name.ts";

/** What the decision looks at. */
export interface AdmissionRules {
  readonly credentialPolicy: CredentialPolicy;
  /** Agents may register in a cluster of this name. */
  allowsCluster(name: string): boolean;
  /** Why nobody is admitted now; undefined while there is room. */
  overload(): string | undefined;
  /** What a refused agent should wait while `overload()`, in ms. */
  readonly retryAfterMs: number;
}

/** The agent may register, under this identity. */
export interface Admittance {
  readonly isAdmitted: true;
  readonly identity: string;
}

/** The agent may not register. */
export interface Refusal {
  readonly isAdmitted: false;
  readonly status: ConnectStatus;
  readonly reason: string;
  /** Name of the counter. */
  readonly counter: "credential" | "cluster" | "overload" | "name";
  /** Trying again may help. */
  readonly isTransient: boolean;
  readonly retryAfterMs?: number;
}

/** Decides on what an agent says of itself. */
export async function admit(
  info: InitInfo,
  rules: AdmissionRules,
): Promise<Admittance | Refusal> {
  const { clusterName, hostName } = info;
  const overload = rules.overload();
  if (overload !== undefined) {
    return {
      isAdmitted: false,
      status: CONNECT_STATUS.unknownFailure,
      reason: overload,
      counter: "overload",
      isTransient: true,
      retryAfterMs: rules.retryAfterMs,
    };
  }
  const refuse = (
    status: ConnectStatus,
    counter: Refusal["counter"],
    reason: string,
  ): Refusal => ({ isAdmitted: false, status, reason, counter, isTransient: false });

  // The credential comes first: strangers learn nothing of the clusters.
  const { credentialPolicy } = rules;
  const verdict = await credentialPolicy.decide({
    clusterName,
    hostName,
    credentialPolicy: info.credentialPolicy,
    credential: info.credential,
  });
  if (!verdict.isAllowed) {
    const isUnknown = info.credentialPolicy !== "" &&
      info.credentialPolicy !== credentialPolicy.name;
    const status = isUnknown ? CONNECT_STATUS.validatorNotFound : CONNECT_STATUS.authFailed;
    const reason = isUnknown
      ? `this server checks credentials by "${credentialPolicy.name}"`
      : verdict.reason;
    return refuse(status, "credential", reason);
  }
  if (!NAME_PATTERN.test(clusterName) || (hostName !== "" && !NAME_PATTERN.test(hostName))) {
    const reason =
      'cluster and host names have 1 to 253 letters, digits, ".", "_" and "-", nothing else';
    return refuse(CONNECT_STATUS.clusterNotExist, "name", reason);
  }
  if (!rules.allowsCluster(clusterName)) {
    const reason = `cluster "${clusterName}" is not declared on this server`;
    return refuse(CONNECT_STATUS.clusterNotExist, "cluster", reason);
  }
  return { isAdmitted: true, identity: verdict.identity };
}
