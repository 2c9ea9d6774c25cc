/** Text of peers on its way to a terminal: nothing of it may act on one. */

/** Replaces what a terminal acts on, or what a reader of lines takes for an end. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** Escapes in JSON what {@link printable} replaces, where JSON itself leaves it as it is. */
export function escapeControls(json: string): string {
  return json.replace(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) =>
      // Characters beyond the first 65,536 are two escapes in JSON.
      char.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}
