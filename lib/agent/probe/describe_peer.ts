/** Says what speaks at the other end, from the first bytes of an answer that is none of ours. */

/** First bytes as hex digits. */
const SIGNATURES: readonly (readonly [RegExp, string])[] = [
  [/^485454502f/, "a web server"], // HTTP/
  [/^5353482d/, "an SSH server"], // SSH-
  [/^1[56]030[0-4]/, "a TLS server, where plain TCP was spoken"], // alert or handshake record
  [/^0000..0400/, "an HTTP/2 server"], // SETTINGS
  [/^3232302[0d]/, "a mail or FTP server"], // 220
  [/^2d455252/, "a Redis or POP3 server"], // -ERR
  [/^2b4f4b/, "a POP3 server"], // +OK
  [/^05(0.|ff)$/, "a SOCKS server"],
];

/** Names the peer: "a web server", or its first bytes in hex where they are not known. */
export function describePeer(firstBytes: Uint8Array): string {
  const hex = [...firstBytes.subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const known = SIGNATURES.find(([pattern]) => pattern.test(hex));
  if (known !== undefined) return known[1];
  return `something that answers with the bytes ${hex}`;
}
