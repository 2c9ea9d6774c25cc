/** How a server is told what agents must show, and the policy that comes of it. */
import { noCredential, tokenCredential } from "../lib/auth/credential_policy.ts";
import type { CredentialPolicy } from "../lib/auth/credential_policy.ts";
import { mtlsPolicy, parseSanPattern } from "../lib/auth/mtls_policy.ts";
import { openTicketPolicy } from "../lib/auth/ticket_policy.ts";
import { webhookPolicy } from "../lib/auth/webhook_policy.ts";
import { ConfigError } from "../lib/errors.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { OptionSpec, OptionValues } from "./option.ts";
import { readToken } from "./read_token.ts";

/** Options of `revtun server`: who agents are. */
export const CREDENTIAL_OPTIONS = [
  {
    name: "credential",
    key: "credential_policy",
    kind: "string",
    placeholder: "POLICY",
    choices: ["none", "token", "token-file", "jwt", "webhook", "mtls"],
    defaultText: "token if there is one, else none",
    description: "What agents must show: see docs/security.md",
    group: "Agents",
  },
  {
    name: "token-file",
    isFile: true,
    kind: "string",
    placeholder: "FILE",
    description:
      "File that holds the token; for --credential token-file, what `revtun token` wrote",
    group: "Agents",
  },
  {
    name: "token",
    kind: "string",
    isEnvOnly: true,
    description: "The token itself",
    group: "Agents",
  },
  {
    name: "jwt-keys",
    kind: "string",
    placeholder: "FILE|URL",
    description: "Public keys of the issuer of agents' JSON web tokens, as a JWK set",
    group: "Agents",
  },
  {
    name: "jwt-issuer",
    kind: "string",
    placeholder: "TEXT",
    description: "Who must have issued a token: its claim iss",
    group: "Agents",
  },
  {
    name: "jwt-audience",
    kind: "string",
    placeholder: "TEXT",
    description: "Whom a token must be meant for: its claim aud",
    group: "Agents",
  },
  {
    name: "jwt-clusters-claim",
    kind: "string",
    placeholder: "NAME",
    default: "clusters",
    description: "Claim that lists the clusters of an agent",
    group: "Agents",
  },
  {
    name: "jwt-hosts-claim",
    kind: "string",
    placeholder: "NAME",
    default: "hosts",
    description: "Claim that lists its host names; a token without it may have any",
    group: "Agents",
  },
  {
    name: "webhook-url",
    kind: "string",
    placeholder: "URL",
    description: "Service that decides on each agent, by POST",
    group: "Agents",
  },
  {
    name: "webhook-timeout",
    kind: "duration",
    placeholder: "TIME",
    default: "2s",
    min: 1,
    max: 60_000,
    description: "Deadline of its answer; after it the agent is told to come again",
    group: "Agents",
  },
  {
    name: "webhook-cache",
    kind: "duration",
    placeholder: "TIME",
    default: "30s",
    description: "How long its answer counts for the same question; 0 to ask each time",
    group: "Agents",
  },
  {
    name: "mtls-name",
    kind: "list",
    placeholder: "KIND:PATTERN",
    description: "Name that an agent's certificate must have, e.g. " +
      "uri:spiffe://example.com/{cluster}/{host}; kinds are dns, uri, email",
    group: "Agents",
  },
] as const satisfies readonly OptionSpec[];

type Values = OptionValues<typeof CREDENTIAL_OPTIONS>;
type Policy = NonNullable<Values["credential"]>;

/** Settings that make sense for some policies only. */
const POLICIES_OF: Readonly<Partial<Record<keyof Values, readonly Policy[]>>> = {
  "token-file": ["token", "token-file"],
  "token": ["token"],
  "jwt-keys": ["jwt"],
  "jwt-issuer": ["jwt"],
  "jwt-audience": ["jwt"],
  "webhook-url": ["webhook"],
  "mtls-name": ["mtls"],
};

/**
 * Makes the policy that the options ask for; whoever asked closes it.
 *
 * @throws {ConfigError} something of it is missing, cannot be used, or belongs to another policy.
 */
export async function openCredentialPolicy(
  values: Values,
  sourceOf: (option: string) => string,
  runtime: Runtime,
): Promise<CredentialPolicy> {
  const policy = values.credential ??
    (isSet(values, "token") || isSet(values, "token-file") ? "token" : "none");
  checkOthers(policy, values, sourceOf);
  const { log, timers } = runtime;
  const need = (option: keyof Values) => needed(option, policy, values);
  switch (policy) {
    case "none":
      return noCredential;
    case "token": {
      const token = await readToken(values, sourceOf);
      if (token !== undefined) return tokenCredential(token);
      throw new ConfigError(
        sourceOf("credential"),
        "the policy token needs one: give --token-file FILE or set REVTUN_TOKEN",
      );
    }
    case "token-file": {
      const path = need("token-file");
      return await openTicketPolicy({ path, source: sourceOf("token-file"), log, timers });
    }
    case "jwt": {
      // Loaded for who uses it: it is the largest of the policies by far.
      const { openJwtPolicy } = await import("../lib/auth/jwt_policy.ts");
      return await openJwtPolicy({
        keys: need("jwt-keys"),
        issuer: need("jwt-issuer"),
        audience: need("jwt-audience"),
        clustersClaim: values["jwt-clusters-claim"],
        hostsClaim: values["jwt-hosts-claim"],
        source: sourceOf("jwt-keys"),
        log,
        timers,
      });
    }
    case "webhook":
      return webhookPolicy({
        url: need("webhook-url"),
        source: sourceOf("webhook-url"),
        timeoutMs: values["webhook-timeout"],
        cacheMs: values["webhook-cache"],
        log,
      });
    case "mtls":
      need("mtls-name");
      try {
        return mtlsPolicy(values["mtls-name"].map(parseSanPattern));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new ConfigError(sourceOf("mtls-name"), error.message, { cause: error });
      }
  }
}

/** Two policies at once are none: a server that checks less than was meant is an open one. */
function checkOthers(
  policy: Policy,
  values: Values,
  sourceOf: (option: string) => string,
): void {
  for (const [option, policies] of Object.entries(POLICIES_OF)) {
    if (policies.includes(policy) || !isSet(values, option as keyof Values)) continue;
    throw new ConfigError(
      sourceOf(option),
      `is for --credential ${policies.join(" or ")}, and the policy is ${policy}`,
    );
  }
}

function needed(option: keyof Values, policy: Policy, values: Values): string {
  if (isSet(values, option)) return String(values[option]);
  throw new ConfigError(`--${option}`, `missing, --credential ${policy} needs it`);
}

function isSet(values: Values, option: keyof Values): boolean {
  const value = values[option];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== "";
}
