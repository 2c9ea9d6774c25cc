import { X509Certificate } from "node:crypto";
import assert from "node:assert/strict";
import { derOf, makeCertificate } from "../../lib/transport/make_certificate.ts";
import { loadCertificateReader } from "../../lib/transport/peer_certificate.ts";

const notBefore = new Date("2026-01-01T00:00:00Z");
const notAfter = new Date("2036-01-01T00:00:00Z");
const names = ["edge-a.test", "*.edge.test", "127.0.0.1", "::1", "spiffe://corp/edge-a"];

Deno.test("a certificate's names are read by their type, with fingerprint and end", async () => {
  const { cert } = await makeCertificate({ commonName: "edge-a", names, notBefore, notAfter });
  const read = await loadCertificateReader();
  const certificate = read(derOf(cert));
  assert.deepEqual(certificate.names, {
    dns: ["edge-a.test", "*.edge.test"],
    uri: ["spiffe://corp/edge-a"],
    email: [],
    ip: ["127.0.0.1", "::1"],
  });
  assert.equal(certificate.notAfterMs, notAfter.getTime());
  const known = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.equal(certificate.fingerprint, known);
});

Deno.test("a name that poses as several stays one", async () => {
  const { cert } = await makeCertificate({
    commonName: "mallory",
    names: ["mallory.test, DNS:admin.test"],
    notBefore,
    notAfter,
  });
  const read = await loadCertificateReader();
  assert.deepEqual(read(derOf(cert)).names.dns, ["mallory.test, DNS:admin.test"]);
});

Deno.test("what is no certificate is an error", async () => {
  const read = await loadCertificateReader();
  for (
    const bytes of [new Uint8Array(0), new Uint8Array(100), new Uint8Array([0x30, 0x03, 2, 1, 5])]
  ) {
    assert.throws(() => read(bytes));
  }
});

Deno.test("makeCertificate() makes chains that others verify", async () => {
  const life = { notBefore, notAfter };
  const ca = await makeCertificate({ commonName: "ca", names: [], isCa: true, ...life });
  const leaf = await makeCertificate({ commonName: "leaf", names, issuer: ca, ...life });
  const caCert = new X509Certificate(ca.cert);
  const leafCert = new X509Certificate(leaf.cert);
  assert.ok(leafCert.verify(caCert.publicKey));
  assert.ok(leafCert.checkIssued(caCert));
  assert.ok(caCert.ca);
  assert.ok(!leafCert.ca);
  assert.equal(leafCert.checkHost("edge-a.test"), "edge-a.test");
  assert.equal(leafCert.checkIP("127.0.0.1"), "127.0.0.1");
});
