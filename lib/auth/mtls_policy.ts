/** The policy `mtls`: the agent's certificate says which cluster and host name are its own. */
import type { PeerCertificate } from "../transport/peer_certificate.ts";
import { missing, refused } from "./credential_policy.ts";
import type { Claim, CredentialPolicy, Verdict } from "./credential_policy.ts";
import { openPermit } from "./permit.ts";

/** A subject alternative name with `{cluster}` and `{host}` in it. */
export interface SanPattern {
  readonly kind: "dns" | "uri" | "email";
  readonly text: string;
}

/**
 * Reads a pattern: `dns:{host}.{cluster}.agents.example.com`,
 * `uri:spiffe://example.com/{cluster}/{host}`, `uri:spiffe://example.com/{cluster}` for any host name.
 *
 * @throws {RangeError} saying what is wrong with it.
 */
export function parseSanPattern(text: string): SanPattern {
  const match = /^(dns|uri|email):(.+)$/.exec(text);
  if (match === null) {
    throw new RangeError(`"${text}" is no pattern, expected dns:…, uri:… or email:…`);
  }
  const [, kind = "", pattern = ""] = match;
  const places: readonly string[] = pattern.match(/\{[^}]*\}?/g) ?? [];
  const unknown = places.find((place) => place !== "{cluster}" && place !== "{host}");
  if (unknown !== undefined) {
    throw new RangeError(`"${unknown}" in "${text}" is unknown, expected {cluster} or {host}`);
  }
  if (!places.includes("{cluster}") || new Set(places).size < places.length) {
    throw new RangeError(`"${text}" needs {cluster} once, and {host} at most once`);
  }
  if (pattern.includes("}{")) throw new RangeError(`"${text}" has nothing between its places`);
  return { kind: kind as SanPattern["kind"], text: pattern };
}

/**
 * Makes the policy. The transport has checked the certificate's chain against the server's own
 * authorities; only the names of the agent's certificate itself are looked at.
 *
 * @param patterns a name of the certificate must be one of them, filled in with what the agent says.
 */
export function mtlsPolicy(patterns: readonly SanPattern[]): CredentialPolicy {
  return {
    names: ["mtls"],
    decide: (claim) => decide(patterns, claim),
  };
}

function decide(patterns: readonly SanPattern[], claim: Claim): Verdict {
  const { certificate, credential, clusterName, hostName } = claim;
  if (certificate === undefined) return missing("a client certificate");
  if (credential !== "") {
    return refused(
      "wrong",
      "a certificate and a credential were sent, this server takes the first",
    );
  }
  for (const pattern of patterns) {
    const name = fillIn(pattern, claim);
    if (name === undefined || !namesOf(certificate, pattern).includes(name)) continue;
    const permit = openPermit(`${pattern.kind}:${name}`, certificate.notAfterMs);
    return { isAllowed: true, permit: { ...permit, isPersonal: true, namesClusters: true } };
  }
  const isElsewhere = patterns.some((pattern) => isOfPattern(certificate, pattern));
  return isElsewhere
    ? refused("host", `the certificate is not for host "${hostName}" of cluster "${clusterName}"`)
    : refused("wrong", "the certificate has no name of the form that this server wants");
}

function namesOf(certificate: PeerCertificate, { kind }: SanPattern): readonly string[] {
  return certificate.names[kind];
}

/**
 * The name that the certificate must have. Undefined if it could as well be that of another agent:
 * in `{host}.{cluster}.x` the name a.b.c.x is host a.b of cluster c, and host a of cluster b.c.
 */
function fillIn({ text }: SanPattern, { clusterName, hostName }: Claim): string | undefined {
  if (text.includes("{host}") && hostName === "") return undefined;
  const values: Record<string, string> = { "{cluster}": clusterName, "{host}": hostName };
  for (const [place, value] of Object.entries(values)) {
    const at = text.indexOf(place);
    if (at === -1) continue;
    const neighbours = [text[at - 1], text[at + place.length]];
    if (neighbours.some((char) => char !== undefined && value.includes(char))) return undefined;
  }
  return text.replace(/\{cluster\}|\{host\}/g, (place) => values[place]!);
}

function isOfPattern(certificate: PeerCertificate, pattern: SanPattern): boolean {
  const source = pattern.text.split(/\{[a-z]+\}/).map((part) => part.replace(/\W/g, "\\$&"));
  const shape = new RegExp(`^${source.join("[A-Za-z0-9._-]+")}$`);
  return namesOf(certificate, pattern).some((name) => shape.test(name));
}
