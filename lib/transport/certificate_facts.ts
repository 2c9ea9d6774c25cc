/** What a certificate says, in words and numbers, for people who look for a fault. */
import type { X509Certificate } from "node:crypto";
import { parseIp } from "../ip_network.ts";
import type { Facts } from "../step.ts";
import { fingerprintOf } from "./peer_certificate.ts";

const DAY_MS = 86_400_000;
/** A certificate is to be renewed when less than this is left, or a third of a shorter life. */
const RENEWAL_MS = 14 * DAY_MS;

/** How a certificate stands in time. */
export type Expiry = "valid" | "soon" | "expired" | "early";

/** @param nowMs ms since 1970. */
export function expiryOf(certificate: X509Certificate, nowMs: number): Expiry {
  const fromMs = certificate.validFromDate.getTime();
  const toMs = certificate.validToDate.getTime();
  if (nowMs > toMs) return "expired";
  if (nowMs < fromMs) return "early";
  return toMs - nowMs < Math.min(RENEWAL_MS, (toMs - fromMs) / 3) ? "soon" : "valid";
}

/** "29 days left", "expired 2 days ago", "valid in 3 hours". */
export function describeExpiry(certificate: X509Certificate, nowMs: number): string {
  const leftMs = certificate.validToDate.getTime() - nowMs;
  const untilMs = certificate.validFromDate.getTime() - nowMs;
  if (untilMs > 0) return `valid in ${spanOf(untilMs)}`;
  return leftMs < 0 ? `expired ${spanOf(-leftMs)} ago` : `${spanOf(leftMs)} left`;
}

/** True if a certificate is for a host, by its alternative names alone. */
export function isForHost(certificate: X509Certificate, host: string): boolean {
  return parseIp(host) === undefined
    ? certificate.checkHost(host, { subject: "never" }) !== undefined
    : certificate.checkIP(host) !== undefined;
}

/** True if nobody but itself vouches for it. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject;
}

/** Whom it is for: its names, else its subject. */
export function namesOf(certificate: X509Certificate): string {
  return (certificate.subjectAltName ?? oneLine(certificate.subject))
    .replaceAll("IP Address:", "").replaceAll("DNS:", "");
}

/** Who signed it. */
export function issuerOf(certificate: X509Certificate): string {
  return isSelfSigned(certificate) ? "itself" : oneLine(certificate.issuer);
}

/** The certificate of a chain for machines, with all of the chain. */
export function factsOf(chain: readonly X509Certificate[], nowMs: number): Facts {
  const leaf = chain[0];
  if (leaf === undefined) return {};
  return {
    names: namesOf(leaf),
    issuer: issuerOf(leaf),
    expires: leaf.validToDate.toISOString(),
    "expires_in_days": Math.floor((leaf.validToDate.getTime() - nowMs) / DAY_MS),
    fingerprint: `sha256:${fingerprintOf(leaf.raw)}`,
    chain: chain.map((certificate) => ({
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      expires: certificate.validToDate.toISOString(),
    })),
  };
}

function spanOf(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  if (days > 0) return days === 1 ? "1 day" : `${days} days`;
  const hours = Math.floor(ms / 3_600_000);
  return hours > 0 ? `${hours} h` : `${Math.floor(ms / 60_000)} min`;
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
