/** How a server is told what agents must show, and the policy that comes of it. */
import { noCredential, tokenCredential } from "../lib/auth/credential_policy.ts";
import type { CredentialPolicy } from "../lib/auth/credential_policy.ts";
import { openTicketPolicy } from "../lib/auth/ticket_policy.ts";
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
    choices: ["none", "token", "token-file"],
    defaultText: "token if there is one, else none",
    description: "What agents must show: nothing, the one token of all, or a token of their own",
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
] as const satisfies readonly OptionSpec[];

/**
 * Makes the policy that the options ask for; whoever asked closes it.
 *
 * @throws {ConfigError} something of it is missing, cannot be used, or belongs to another policy.
 */
export async function openCredentialPolicy(
  values: OptionValues<typeof CREDENTIAL_OPTIONS>,
  sourceOf: (option: string) => string,
  runtime: Runtime,
): Promise<CredentialPolicy> {
  const hasToken = values["token-file"] !== undefined || (values.token ?? "") !== "";
  const policy = values.credential ?? (hasToken ? "token" : "none");
  switch (policy) {
    case "none":
      if (!hasToken) return noCredential;
      throw new ConfigError(sourceOf("credential"), "none was asked for, but a token is set");
    case "token": {
      const token = await readToken(values, sourceOf);
      if (token !== undefined) return tokenCredential(token);
      throw new ConfigError(
        sourceOf("credential"),
        "the policy token needs one: give --token-file FILE or set REVTUN_TOKEN",
      );
    }
    case "token-file": {
      const path = values["token-file"];
      if (path === undefined || (values.token ?? "") !== "") {
        throw new ConfigError(
          sourceOf("credential"),
          "the policy token-file needs --token-file FILE, and takes no REVTUN_TOKEN",
        );
      }
      const { log, timers } = runtime;
      return await openTicketPolicy({ path, source: sourceOf("token-file"), log, timers });
    }
  }
}
