/** The policy `jwt`: a JSON web token of an issuer that the server trusts (RFC 7519). */
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyGetKey } from "jose";
import { ConfigError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { TimerWheel } from "../timer.ts";
import { fetchBounded, parseServiceUrl } from "./bounded_fetch.ts";
import { missing, refused } from "./credential_policy.ts";
import type { Claim, CredentialPolicy, Verdict } from "./credential_policy.ts";
import { FileWatch } from "./file_watch.ts";
import { allowsName, MAX_WEIGHT, parseNameRules, parseTargetNames } from "./permit.ts";
import type { NameRules } from "./permit.ts";
import { readPrivateFile } from "./private_file.ts";

/** What the policy needs. */
export interface JwtPolicyOptions {
  /** The issuer's public keys as a JWK set (RFC 7517): a file, or a URL of it. */
  readonly keys: string;
  readonly issuer: string;
  readonly audience: string;
  /** Claims that list the clusters and host names of an agent. */
  readonly clustersClaim: string;
  readonly hostsClaim: string;
  /** The setting that names the keys, for errors. */
  readonly source: string;
  readonly log: Log;
  readonly timers: TimerWheel;
  /** ms since 1970; the machine's clock by default. */
  readonly clockMs?: () => number;
}

/** Asymmetric ones only: with others, whoever checks tokens could make them. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
/** How far clocks may be apart. */
const TOLERANCE_S = 5;
const MAX_KEYS_BYTES = 1 << 20;
const FETCH_TIMEOUT_MS = 3000;
/** Keys are fetched again for a token of an unknown key, but no more often than this. */
const FETCH_COOLDOWN_MS = 30_000;
const KEYS_MAX_AGE_MS = 600_000;

/** Reads the keys and makes the policy. @throws {ConfigError} the keys cannot be used. */
export async function openJwtPolicy(options: JwtPolicyOptions): Promise<CredentialPolicy> {
  const { keys, source, log, timers } = options;
  if (/^https?:/.test(keys)) return new JwtPolicy(options, remoteKeys(keys, source));
  const first = await readKeys(keys, source);
  const policy = new JwtPolicy(options, first.keys);
  policy.watch = new FileWatch(keys, first.version, timers, async () => {
    try {
      policy.keys = (await readKeys(keys, source)).keys;
      log.info("jwt.keys_reloaded", "The keys of the issuer were read anew", { file: keys });
    } catch (error) {
      const { message } = error as Error;
      log.error("jwt.reload_failed", `The old keys stay in force: ${message}`, { file: keys });
    }
  });
  return policy;
}

class JwtPolicy implements CredentialPolicy {
  readonly names = ["jwt", "token"] as const;
  keys: JWTVerifyGetKey;
  watch: FileWatch | undefined;
  readonly #options: JwtPolicyOptions;

  constructor(options: JwtPolicyOptions, keys: JWTVerifyGetKey) {
    this.#options = options;
    this.keys = keys;
  }

  async decide(claim: Claim): Promise<Verdict> {
    if (claim.credential === "") return missing("a JSON web token");
    const { issuer, audience, clockMs = Date.now } = this.#options;
    try {
      const { payload } = await jwtVerify(claim.credential, this.keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["exp", "sub"],
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(clockMs()),
      });
      return this.#judge(payload, claim);
    } catch (error) {
      return this.#explain(error);
    }
  }

  async close(): Promise<void> {
    await this.watch?.close();
  }

  /** Says what a token whose signature is good allows. */
  #judge(payload: JWTPayload, { clusterName, hostName }: Claim): Verdict {
    const { clustersClaim, hostsClaim } = this.#options;
    const clusters = readList(payload, clustersClaim, parseNameRules);
    const hosts = readList(payload, hostsClaim, parseNameRules);
    const targets = readList(payload, "targets", parseTargetNames);
    const { max_weight: maxWeight = MAX_WEIGHT, sub = "", exp = 0 } = payload;
    const isWeight = Number.isInteger(maxWeight) && (maxWeight as number) >= 1;
    if (!isWeight) return refused("wrong", "max_weight in the token is not a number from 1 on");
    if (clusters === undefined || !allowsName(clusters, clusterName)) {
      return refused(
        "cluster",
        `the token's claim "${clustersClaim}" does not name cluster "${clusterName}"`,
      );
    }
    if (!allowsName(hosts, hostName)) {
      return refused("host", `the token's claim "${hostsClaim}" does not name host "${hostName}"`);
    }
    const permit = {
      identity: sub,
      isPersonal: true,
      namesClusters: true,
      maxWeight: maxWeight as number,
      targets,
      expiresMs: (exp + TOLERANCE_S) * 1000,
    };
    return { isAllowed: true, permit };
  }

  #explain(error: unknown): Verdict {
    if (error instanceof RangeError) return refused("wrong", error.message);
    if (error instanceof errors.JWTExpired) {
      const expiredMs = (error.payload.exp ?? 0) * 1000;
      return refused("expired", `the token expired at ${new Date(expiredMs).toISOString()}`);
    }
    if (error instanceof errors.JWTClaimValidationFailed) {
      return refused("wrong", `the token's claim "${error.claim}" is not what this server wants`);
    }
    // Neither tells what was looked for, nor repeats what was sent.
    const isOfToken = error instanceof errors.JWSInvalid ||
      error instanceof errors.JWTInvalid ||
      error instanceof errors.JOSEAlgNotAllowed ||
      error instanceof errors.JOSENotSupported ||
      error instanceof errors.JWKSNoMatchingKey ||
      error instanceof errors.JWKSMultipleMatchingKeys ||
      error instanceof errors.JWSSignatureVerificationFailed;
    if (isOfToken) return refused("wrong", "no token that a key of the issuer has signed");
    this.#options.log.error("jwt.unavailable", `Cannot check a token: ${(error as Error).message}`);
    return refused("unavailable", "this server cannot get the keys of the issuer now");
  }
}

async function readKeys(
  path: string,
  source: string,
): Promise<{ keys: JWTVerifyGetKey; version: string }> {
  const { text, version } = await readPrivateFile(path, source, MAX_KEYS_BYTES);
  try {
    return { keys: createLocalJWKSet(JSON.parse(text)), version };
  } catch (error) {
    throw new ConfigError(source, `${path} is no JWK set: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function remoteKeys(text: string, source: string): JWTVerifyGetKey {
  return createRemoteJWKSet(parseServiceUrl(text, source), {
    cooldownDuration: FETCH_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    timeoutDuration: FETCH_TIMEOUT_MS,
    [customFetch]: async (url, init) => {
      const bounds = { timeoutMs: FETCH_TIMEOUT_MS, maxBytes: MAX_KEYS_BYTES };
      const { status, text } = await fetchBounded(url, { headers: init.headers }, bounds);
      return new Response(text, { status });
    },
  });
}

/** A claim that lists names, or is one; undefined if it is not there. @throws {RangeError} */
function readList<T extends NameRules | ReadonlySet<string>>(
  payload: JWTPayload,
  name: string,
  parse: (names: readonly string[]) => T,
): T | undefined {
  const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 1000 || list.some((item) => typeof item !== "string")) {
    throw new RangeError(`the token's claim "${name}" is not a list of names`);
  }
  return parse(list);
}
