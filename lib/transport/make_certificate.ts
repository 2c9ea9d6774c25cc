/** Certificates of our own: for a server without a CA (`--tls auto`), and for tests. */
import { Buffer } from "node:buffer";
import { parseIp } from "../ip_network.ts";

/** A certificate and its key, as files hold them. */
export interface KeyPair {
  /** PEM; the certificate itself first, what leads to its CA behind it. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** What the certificate is to say. */
export interface CertificateInit {
  /** Common name, for people; names of hosts belong into `names`. */
  readonly commonName: string;
  /** Whom it stands for: DNS names, IP addresses and URIs (spiffe://…). */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Who signs it; itself if undefined. */
  readonly issuer?: KeyPair;
  /** It may sign others. */
  readonly isCa?: boolean;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Makes a key (P-256) and a certificate for it (X.509 version 3, signed with ECDSA and SHA-256). */
export async function makeCertificate(init: CertificateInit): Promise<KeyPair> {
  const { AsnConvert, OctetString } = await import("@peculiar/asn1-schema");
  const x509 = await import("@peculiar/asn1-x509");
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const publicKey = await crypto.subtle.exportKey("spki", keys.publicKey);
  const privateKey = await crypto.subtle.exportKey("pkcs8", keys.privateKey);

  const nameOf = (text: string) =>
    new x509.Name([
      new x509.RelativeDistinguishedName([
        new x509.AttributeTypeAndValue({
          type: OID.commonName,
          value: new x509.AttributeValue({ utf8String: text }),
        }),
      ]),
    ]);
  const subject = nameOf(init.commonName);
  const issuer = init.issuer === undefined
    ? undefined
    : AsnConvert.parse(derOf(init.issuer.cert), x509.Certificate);
  const extension = (extnID: string, value: unknown, critical = false) =>
    new x509.Extension({
      extnID,
      critical,
      extnValue: new OctetString(AsnConvert.serialize(value)),
    });
  const extensions = [
    extension(
      x509.id_ce_basicConstraints,
      new x509.BasicConstraints({ cA: init.isCa ?? false }),
      true,
    ),
  ];
  if (init.names.length > 0) {
    const names = new x509.SubjectAlternativeName(
      init.names.map((name) => new x509.GeneralName(generalNameOf(name))),
    );
    extensions.push(extension(x509.id_ce_subjectAltName, names));
  }
  if (init.isCa !== true) {
    const usages = new x509.ExtendedKeyUsage([OID.serverAuth, OID.clientAuth]);
    extensions.push(extension(x509.id_ce_extKeyUsage, usages));
  }
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: OID.ecdsaWithSha256 });
  const serialNumber = crypto.getRandomValues(new Uint8Array(16));
  // Positive, and without a leading zero byte.
  serialNumber[0] = serialNumber[0]! & 0x3f | 0x40;
  const tbs = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber.buffer,
    signature: algorithm,
    issuer: issuer?.tbsCertificate.subject ?? subject,
    validity: new x509.Validity({ notBefore: init.notBefore, notAfter: init.notAfter }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, x509.SubjectPublicKeyInfo),
    extensions: new x509.Extensions(extensions),
  });
  const signingKey = init.issuer === undefined
    ? keys.privateKey
    : await crypto.subtle.importKey("pkcs8", derOf(init.issuer.key), ECDSA, false, ["sign"]);
  const signature = await crypto.subtle.sign(ECDSA, signingKey, AsnConvert.serialize(tbs));
  const certificate = new x509.Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: derSignature(new Uint8Array(signature)),
  });
  return {
    cert: pemOf("CERTIFICATE", AsnConvert.serialize(certificate)),
    key: pemOf("PRIVATE KEY", privateKey),
  };
}

/** The bytes of the first block of a PEM text. @throws {RangeError} there is none. */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const base64 = /-----BEGIN [^-]+-----([^-]+)-----END/.exec(pem)?.[1];
  if (base64 === undefined) throw new RangeError("there is no PEM block");
  return new Uint8Array(Buffer.from(base64, "base64"));
}

function pemOf(label: string, der: ArrayBuffer): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function generalNameOf(name: string): Record<string, string> {
  if (name.includes("://")) return { uniformResourceIdentifier: name };
  return parseIp(name) !== undefined ? { iPAddress: name } : { dNSName: name };
}

/** WebCrypto's r and s of equal length as certificates have them: a SEQUENCE of two INTEGERs. */
function derSignature(raw: Uint8Array): ArrayBuffer {
  const half = raw.length / 2;
  const integers = [raw.subarray(0, half), raw.subarray(half)].flatMap((number) => {
    let start = 0;
    while (start < half - 1 && number[start] === 0) start++;
    const digits = [...number.subarray(start)];
    if (digits[0]! >= 0x80) digits.unshift(0);
    return [0x02, digits.length, ...digits];
  });
  return new Uint8Array([0x30, integers.length, ...integers]).buffer;
}
