/** Certificates in files: whose, until when, by whom, and does the key belong to it? */
import { X509Certificate } from "node:crypto";
import { readCertificates, readKeyPair } from "../../lib/transport/certificate_store.ts";
import type { KeyPairFiles } from "../../lib/transport/certificate_store.ts";
import {
  describeExpiry,
  expiryOf,
  factsOf,
  isSelfSigned,
  issuerOf,
  namesOf,
} from "../../lib/transport/certificate_facts.ts";
import type { Found, Step } from "../../lib/step.ts";
import { checkStep } from "./examination.ts";

/** Certificates that the settings name. */
export interface CertificateFiles {
  /** With their keys: what is shown to the other side. */
  readonly pairs: readonly KeyPairFiles[];
  /** CAs whose word counts. */
  readonly authorities: readonly string[];
}

/** Looks at each of them. */
export async function* checkCertificates(files: CertificateFiles): AsyncGenerator<Step> {
  for (const pair of files.pairs) {
    yield await checkStep(
      "cert",
      pair.cert,
      async () => judgeShown(parseAll((await readKeyPair(pair)).cert)),
      () => "give the certificate and the key that belong together, both in PEM",
    );
  }
  for (const path of files.authorities) {
    yield await checkStep(
      "ca",
      path,
      async () => judgeAuthorities(parseAll(await readCertificates(path))),
      () => "give the certificates of CAs in PEM",
    );
  }
}

function judgeShown(chain: readonly X509Certificate[]): Omit<Found<unknown>, "value"> {
  const leaf = chain[0]!;
  const nowMs = Date.now();
  const facts = factsOf(chain, nowMs);
  const detail = `for ${namesOf(leaf)} by ${issuerOf(leaf)}, ${describeExpiry(leaf, nowMs)}, ` +
    `chain of ${chain.length}, its key matches`;
  refuseBadTimes(leaf, detail);
  const broken = brokenLink(chain);
  if (broken !== undefined) throw new Error(`${detail}; ${broken}`);
  if (expiryOf(leaf, nowMs) === "soon") {
    return { detail, facts, verdict: "warn", advice: "renew it; it is read anew as it changes" };
  }
  return { detail, facts };
}

function judgeAuthorities(
  certificates: readonly X509Certificate[],
): Omit<Found<unknown>, "value"> {
  const nowMs = Date.now();
  const words = certificates.map((one) => `${oneLine(one.subject)}, ${describeExpiry(one, nowMs)}`);
  const detail = words.join("; ");
  for (const certificate of certificates) refuseBadTimes(certificate, detail);
  const isSoon = certificates.some((one) => expiryOf(one, nowMs) === "soon");
  return isSoon ? { detail, verdict: "warn", advice: "renew it in time" } : { detail };
}

/** @throws {Error} it cannot be used now. */
function refuseBadTimes(certificate: X509Certificate, detail: string): void {
  const expiry = expiryOf(certificate, Date.now());
  if (expiry === "expired") throw new Error(`${detail}: nobody takes it any more`);
  if (expiry === "early") throw new Error(`${detail}: nobody takes it yet; is the clock right?`);
}

/** What is wrong with the order of a chain; undefined if each is signed by the next. */
function brokenLink(chain: readonly X509Certificate[]): string | undefined {
  for (let at = 0; at + 1 < chain.length; at++) {
    const signer = chain[at + 1]!;
    if (chain[at]!.checkIssued(signer)) continue;
    return `certificate ${at + 2} in the file did not sign the one before it: ` +
      "put each behind the one that it signed";
  }
  const last = chain.at(-1)!;
  // A root need not stand there; those who check have it.
  return chain.length === 1 || isSelfSigned(last) || last.ca ? undefined : "its last one is no CA";
}

/** All certificates of a PEM text, in their order. */
function parseAll(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
