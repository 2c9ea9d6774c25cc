/** Which bytes may stand where in an HTTP/1 message, as tables indexed by byte. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** RFC 9110 section 5.6.2, `tchar`: method and field names. */
export const IS_TOKEN = table((byte) =>
  isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte))
);

/** RFC 9110 section 5.5: field values and reason phrases; controls but the tab are out. */
export const IS_FIELD_VALUE = table((byte) => byte === HTAB || (byte >= 0x20 && byte !== 0x7f));

/** Stands for itself in a quoted text: printable ASCII without quote and backslash. */
export const PLAIN = 1;
/** May stand there, but is no such byte. */
export const ODD = 2;

/** What a byte is in a field value: 0 for what may not stand there, {@link PLAIN}, {@link ODD}. */
export const FIELD_VALUE_KIND = kinds(IS_FIELD_VALUE);

/**
 * What a byte is in a request target, as {@link FIELD_VALUE_KIND}: more may stand there than RFC 3986
 * allows, since browsers send `{`, `|` and `"` in queries, but no byte that could end it, no fragment
 * and nothing beyond ASCII.
 */
export const TARGET_KIND = kinds(table((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23));

/** RFC 3986 section 3.2.2, `reg-name` and address literals, without the comma of a joined list. */
export const IS_HOST = table((byte) =>
  isAlphanumeric(byte) || "-._~%!$&'()*+;=:[]".includes(String.fromCharCode(byte))
);

/** Value of a hexadecimal digit, or 255. */
export const HEX_VALUE: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return digit === -1 ? 255 : digit;
});

function table(isMember: (byte: number) => boolean): Readonly<Uint8Array> {
  return Uint8Array.from({ length: 256 }, (_, byte) => isMember(byte) ? 1 : 0);
}

function kinds(isMember: Readonly<Uint8Array>): Readonly<Uint8Array> {
  return isMember.map((member, byte) => member === 0 ? 0 : isPlain(byte) ? PLAIN : ODD);
}

/** True for what stands for itself in a quoted text. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e && byte !== 0x22 && byte !== 0x5c;
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a);
}
