/** How bytes of a client stand in a line, so that none of them can end it or be taken for ours. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function tableOf(escape: (byte: number) => string): readonly (string | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => {
    if (byte === QUOTE) return '\\"';
    if (byte === BACKSLASH) return "\\\\";
    return byte < 0x20 || byte > 0x7e ? escape(byte) : undefined;
  });
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

/** Within quotes as Apache has them: control characters and what is not ASCII as `\xhh`. */
export const COMMON_ESCAPES: readonly (string | undefined)[] = tableOf((byte) => `\\x${hex(byte)}`);

/** Within a string of JSON, one character a byte. */
export const JSON_ESCAPES: readonly (string | undefined)[] = tableOf((byte) => `\\u00${hex(byte)}`);

/** Most bytes that one byte becomes, in either. */
export const MAX_ESCAPE_BYTES = 6;
