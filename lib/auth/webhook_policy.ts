/** The policy `webhook`: an HTTP service decides, and where it cannot, nobody gets in. */
import type { Log } from "../log.ts";
import { fetchBounded, parseServiceUrl } from "./bounded_fetch.ts";
import { refused, sha256 } from "./credential_policy.ts";
import type { Claim, CredentialPolicy, Verdict } from "./credential_policy.ts";
import { MAX_WEIGHT, parseTargetNames } from "./permit.ts";

/** What the policy needs. */
export interface WebhookPolicyOptions {
  readonly url: string;
  /** The setting that names the URL, for errors. */
  readonly source: string;
  readonly timeoutMs: number;
  /** How long an answer counts for the same question. */
  readonly cacheMs: number;
  readonly log: Log;
  /** ms since 1970; the machine's clock by default. */
  readonly clockMs?: () => number;
}

/** Questions under way at once; an agent that would ask one more is told to come again. */
const MAX_ASKING = 64;
const MAX_CACHED = 10_000;
const MAX_ANSWER_BYTES = 64 << 10;
/** A refusal is kept more briefly: somebody may be mending its cause. */
const REFUSAL_CACHE_MS = 5000;
const MAX_REASON = 200;

/** Makes the policy. @throws {ConfigError} the URL is none. */
export function webhookPolicy(options: WebhookPolicyOptions): CredentialPolicy {
  return new WebhookPolicy(options);
}

interface Cached {
  readonly verdict: Verdict;
  readonly untilMs: number;
}

class WebhookPolicy implements CredentialPolicy {
  readonly names = ["webhook", "token"] as const;
  readonly #options: WebhookPolicyOptions;
  readonly #url: string;
  /** The oldest answer first. */
  readonly #cache = new Map<string, Cached>();
  readonly #asking = new Map<string, Promise<Verdict>>();

  constructor(options: WebhookPolicyOptions) {
    this.#options = options;
    this.#url = parseServiceUrl(options.url, options.source).href;
  }

  decide(claim: Claim): Verdict | Promise<Verdict> {
    const key = keyOf(claim);
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.untilMs > this.#nowMs()) return cached.verdict;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= MAX_ASKING) {
      return refused("unavailable", "the service that decides has too many questions now");
    }
    const answer = this.#ask(claim).then((verdict) => {
      this.#asking.delete(key);
      this.#keep(key, verdict);
      return verdict;
    });
    this.#asking.set(key, answer);
    return answer;
  }

  /** Never rejects. */
  async #ask(claim: Claim): Promise<Verdict> {
    const { timeoutMs, log } = this.#options;
    const { certificate } = claim;
    const body = JSON.stringify({
      "cluster_name": claim.clusterName,
      "host_name": claim.hostName,
      "credential_policy": claim.credentialPolicy,
      credential: claim.credential,
      "remote_ip": claim.remoteIp,
      "agent_id": claim.agentId,
      "certificate": certificate && {
        names: certificate.names,
        fingerprint: certificate.fingerprint,
      },
      probe: claim.isProbe,
    });
    const headers = { "content-type": "application/json", accept: "application/json" };
    const bounds = { timeoutMs, maxBytes: MAX_ANSWER_BYTES };
    try {
      const request = { method: "POST", body, headers };
      const { status, text } = await fetchBounded(this.#url, request, bounds);
      if (status !== 200) throw new RangeError(`it answers with status ${status}`);
      return this.#read(text, claim);
    } catch (error) {
      log.error(
        "webhook.failed",
        `The service that decides on agents fails: ${(error as Error).message}`,
        { url: this.#url },
      );
      return refused("unavailable", "the service that decides cannot be asked now");
    }
  }

  /** @throws {RangeError} the answer makes no sense. */
  #read(text: string, claim: Claim): Verdict {
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new RangeError("its answer is not JSON");
    }
    if (typeof answer !== "object" || answer === null) throw new RangeError("it answers no object");
    const fields = answer as Record<string, unknown>;
    const { allow, reason, identity, targets } = fields;
    if (typeof allow !== "boolean") throw new RangeError("its answer lacks allow: true or false");
    if (!allow) {
      const why = typeof reason === "string" ? reason.slice(0, MAX_REASON) : "not allowed";
      return refused("wrong", why);
    }
    if (identity !== undefined && typeof identity !== "string") {
      throw new RangeError("identity in its answer is no text");
    }
    const isList = targets === undefined ||
      (Array.isArray(targets) && targets.every((name) => typeof name === "string"));
    if (!isList) throw new RangeError("targets in its answer is no list of names");
    const expiresInS = readNumber(fields, "expires_in", Infinity);
    return {
      isAllowed: true,
      permit: {
        isPersonal: true,
        identity: identity ?? `${claim.clusterName}/${claim.hostName}`,
        namesClusters: true,
        maxWeight: Math.max(1, readNumber(fields, "max_weight", MAX_WEIGHT)),
        targets: targets === undefined ? undefined : parseTargetNames(targets),
        expiresMs: this.#nowMs() + expiresInS * 1000,
      },
    };
  }

  #keep(key: string, verdict: Verdict): void {
    if (!verdict.isAllowed && verdict.failure === "unavailable") return;
    const { cacheMs } = this.#options;
    const nowMs = this.#nowMs();
    const untilMs = verdict.isAllowed
      ? Math.min(nowMs + cacheMs, verdict.permit.expiresMs)
      : nowMs + Math.min(cacheMs, REFUSAL_CACHE_MS);
    this.#cache.delete(key);
    if (this.#cache.size >= MAX_CACHED) {
      for (const oldest of this.#cache.keys()) {
        this.#cache.delete(oldest);
        break;
      }
    }
    this.#cache.set(key, { verdict, untilMs });
  }

  #nowMs(): number {
    return (this.#options.clockMs ?? Date.now)();
  }
}

/**
 * The same question has the same key, which gives nothing of a credential away. Whatever the service
 * is told is a part of it: what it allows a probe, or one agent, is no word on others.
 */
function keyOf(claim: Claim): string {
  const { clusterName, hostName, credentialPolicy, credential, remoteIp, certificate } = claim;
  return sha256(JSON.stringify([
    ...[clusterName, hostName, credentialPolicy, credential, remoteIp],
    ...[claim.agentId, claim.isProbe, certificate?.fingerprint],
  ])).toString("base64url");
}

function readNumber(fields: Record<string, unknown>, name: string, missing: number): number {
  const value = fields[name];
  if (value === undefined) return missing;
  if (typeof value === "number" && value >= 0) return value;
  throw new RangeError(`${name} in its answer is no number from 0 on`);
}
