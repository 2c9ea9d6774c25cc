/** Decides whether an agent may register: rules alone, no connection. */
import type { Claim, CredentialFailure, CredentialPolicy } from "../auth/credential_policy.ts";
import { formatTargetName, permitsTarget } from "../auth/permit.ts";
import type { Permit } from "../auth/permit.ts";
import { CONNECT_STATUS } from "../codec/message.ts";
import type { ConnectStatus, InitInfo } from "../codec/message.ts";
import { NAME_PATTERN } from "../name.ts";

/** What the decision looks at. */
export interface AdmissionRules {
  readonly credentialPolicy: CredentialPolicy;
  /** Agents under this permit may register in a cluster of this name. */
  allowsCluster(name: string, permit: Permit): boolean;
  /** Why nobody is admitted now; undefined while there is room. */
  overload(): string | undefined;
  /** Why this agent cannot have its place now, though it may have it; undefined if it can. */
  objection(info: InitInfo, permit: Permit): Objection | undefined;
  /** What a refused agent should wait where trying again may help, in ms. */
  readonly retryAfterMs: number;
}

/** What stands against an agent for the moment. */
export interface Objection {
  readonly counter: "overload" | "inUse";
  readonly reason: string;
}

/** The agent may register. */
export interface Admittance {
  readonly isAdmitted: true;
  readonly permit: Permit;
}

/** The agent may not register. */
export interface Refusal {
  readonly isAdmitted: false;
  readonly status: ConnectStatus;
  readonly reason: string;
  /** Name of the counter. */
  readonly counter: "credential" | "cluster" | "overload" | "name" | "inUse";
  /** Why its credential did not do. */
  readonly failure?: CredentialFailure;
  /** Trying again may help. */
  readonly isTransient: boolean;
  readonly retryAfterMs?: number;
  /** Nothing can make it otherwise: agents that were here before need not ask again. */
  readonly isFinal?: boolean;
}

/** Longest credential that is looked at, in characters; tokens of OpenID Connect have 1 to 4 KiB. */
const MAX_CREDENTIAL_LENGTH = 16_384;

/** Longest id of an agent's process; a UUID has 36 characters. It is a part of its host's id. */
const MAX_AGENT_ID = 128;

/** Decides on what an agent says of itself, and on what its connection shows of it. */
export async function admit(
  info: InitInfo,
  rules: AdmissionRules,
  origin: Pick<Claim, "remoteIp" | "certificate">,
): Promise<Admittance | Refusal> {
  const { clusterName, hostName } = info;
  const { credentialPolicy } = rules;
  const later = { isTransient: true, retryAfterMs: rules.retryAfterMs };
  const overload = rules.overload();
  if (overload !== undefined) {
    return { ...refuse(CONNECT_STATUS.unknownFailure, "overload", overload), ...later };
  }
  // What is no name tells nothing of the names that there are, and no policy should see it.
  if (!NAME_PATTERN.test(clusterName) || (hostName !== "" && !NAME_PATTERN.test(hostName))) {
    return refuse(
      CONNECT_STATUS.clusterNotExist,
      "name",
      'cluster and host names have 1 to 253 letters, digits, ".", "_" and "-", nothing else',
    );
  }
  const { agentId = "", targets = {} } = info.hello ?? {};
  if (agentId.length > MAX_AGENT_ID || Object.keys(targets).some(isNoTarget)) {
    const reason =
      `an agent's id has at most ${MAX_AGENT_ID} characters, and its targets have names`;
    return refuse(CONNECT_STATUS.clusterNotExist, "name", reason);
  }
  // The credential comes before the clusters: strangers learn nothing of those.
  const policyName = info.credentialPolicy;
  if (policyName !== "" && !isNameOf(credentialPolicy, policyName)) {
    return refuse(
      CONNECT_STATUS.validatorNotFound,
      "credential",
      `this server checks credentials by "${credentialPolicy.names[0]}"`,
    );
  }
  if (info.credential.length > MAX_CREDENTIAL_LENGTH) {
    const reason = `the credential is longer than ${MAX_CREDENTIAL_LENGTH} characters`;
    return refuse(CONNECT_STATUS.authFailed, "credential", reason, "oversize");
  }
  const verdict = await credentialPolicy.decide(claimOf(info, origin));
  if (!verdict.isAllowed) {
    const { failure, reason } = verdict;
    return failure === "unavailable"
      ? { ...refuse(CONNECT_STATUS.unknownFailure, "credential", reason, failure), ...later }
      : refuse(CONNECT_STATUS.authFailed, "credential", reason, failure);
  }
  const { permit } = verdict;
  if (!rules.allowsCluster(clusterName, permit)) {
    const reason =
      `cluster "${clusterName}" is not declared on this server (by --cluster or --open-clusters there)`;
    return refuse(CONNECT_STATUS.clusterNotExist, "cluster", reason);
  }
  for (const target of Object.keys(info.hello?.targets ?? {})) {
    if (permitsTarget(permit, target)) continue;
    const reason = `"${permit.identity}" may not expose target "${formatTargetName(target)}"`;
    return refuse(CONNECT_STATUS.authFailed, "credential", reason, "target");
  }
  return { isAdmitted: true, permit };
}

/**
 * Looks at what may have changed while the credential was checked, right before the agent is let in;
 * undefined if nothing stands against it.
 */
export function objectTo(
  info: InitInfo,
  permit: Permit,
  rules: AdmissionRules,
): Refusal | undefined {
  const objection = rules.objection(info, permit);
  if (objection === undefined) return undefined;
  const { counter, reason } = objection;
  const status = counter === "inUse" ? CONNECT_STATUS.authFailed : CONNECT_STATUS.unknownFailure;
  const { retryAfterMs } = rules;
  return { ...refuse(status, counter, reason), isTransient: true, retryAfterMs };
}

function isNoTarget(name: string): boolean {
  return name !== "" && !NAME_PATTERN.test(name);
}

/** Where nobody is asked for a credential, it does not matter what an agent calls its own. */
function isNameOf(policy: CredentialPolicy, name: string): boolean {
  return policy.names[0] === "none" || policy.names.includes(name);
}

function claimOf(info: InitInfo, origin: Pick<Claim, "remoteIp" | "certificate">): Claim {
  const { clusterName, hostName, credentialPolicy, credential, hello } = info;
  return {
    clusterName,
    hostName,
    credentialPolicy,
    credential,
    agentId: hello?.agentId ?? "",
    ...origin,
    isProbe: hello?.purpose === "probe",
  };
}

function refuse(
  status: ConnectStatus,
  counter: Refusal["counter"],
  reason: string,
  failure?: CredentialFailure,
): Refusal {
  const why = failure === undefined ? {} : { failure, isFinal: failure === "revoked" };
  return { isAdmitted: false, status, reason, counter, isTransient: false, ...why };
}
