/** What is known of a peer by the certificate that it showed and proved to own. */
import { createHash } from "node:crypto";

/** A peer's certificate, its chain checked by the transport. */
export interface PeerCertificate {
  /** Subject alternative names by their type, as they stand in the certificate. */
  readonly names: {
    readonly dns: readonly string[];
    readonly uri: readonly string[];
    readonly email: readonly string[];
    readonly ip: readonly string[];
  };
  /** SHA-256 of the whole certificate (DER): 64 hex digits in small letters. */
  readonly fingerprint: string;
  /** When it expires, ms since 1970. */
  readonly notAfterMs: number;
}

/** Reads a certificate in DER. @throws {Error} it is none. */
export type CertificateReader = (der: Uint8Array) => PeerCertificate;

/**
 * Gives the reader of certificates. What reads them takes 75 ms to load, so only who asks peers for
 * certificates waits for it.
 */
export async function loadCertificateReader(): Promise<CertificateReader> {
  const { AsnConvert } = await import("@peculiar/asn1-schema");
  const x509 = await import("@peculiar/asn1-x509");
  return (der) => {
    // Node's subjectAltName is text, in which a name may pose as several (CVE-2021-44532).
    const { tbsCertificate } = AsnConvert.parse(der, x509.Certificate);
    const names = {
      dns: [] as string[],
      uri: [] as string[],
      email: [] as string[],
      ip: [] as string[],
    };
    for (const { extnID, extnValue } of tbsCertificate.extensions ?? []) {
      if (extnID !== x509.id_ce_subjectAltName) continue;
      for (const name of AsnConvert.parse(extnValue, x509.SubjectAlternativeName)) {
        if (name.dNSName !== undefined) names.dns.push(name.dNSName);
        else if (name.uniformResourceIdentifier !== undefined) {
          names.uri.push(name.uniformResourceIdentifier);
        } else if (name.rfc822Name !== undefined) names.email.push(name.rfc822Name);
        else if (name.iPAddress !== undefined) names.ip.push(name.iPAddress);
      }
    }
    return {
      names,
      fingerprint: fingerprintOf(der),
      notAfterMs: tbsCertificate.validity.notAfter.getTime().getTime(),
    };
  };
}

/** SHA-256 of a certificate in DER, as 64 hex digits in small letters. */
export function fingerprintOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}
