/** HTTP/1 on raw connections, as far as the stand-ins need it: small messages with a length. */

/** A message: its first line, its headers (names in lower case) and its body. */
export interface HttpMessage {
  startLine: string;
  headers: Map<string, string>;
  body: string;
}

/** Splits messages off a growing byte stream. */
export class HttpReadBuffer {
  #text = "";

  /** Takes what one read gave; the messages that are complete now. */
  push(bytes: Uint8Array): HttpMessage[] {
    this.#text += new TextDecoder("latin1").decode(bytes);
    const messages: HttpMessage[] = [];
    for (;;) {
      const headEnd = this.#text.indexOf("\r\n\r\n");
      if (headEnd === -1) return messages;
      const [startLine = "", ...lines] = this.#text.slice(0, headEnd).split("\r\n");
      const headers = new Map(lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }));
      const end = headers.get("transfer-encoding") === "chunked"
        ? this.#chunkedEnd(headEnd + 4)
        : headEnd + 4 + Number(headers.get("content-length") ?? 0);
      if (end === undefined || this.#text.length < end) return messages;
      messages.push({ startLine, headers, body: this.#text.slice(headEnd + 4, end) });
      this.#text = this.#text.slice(end);
    }
  }

  #chunkedEnd(from: number): number | undefined {
    let at = from;
    for (;;) {
      const lineEnd = this.#text.indexOf("\r\n", at);
      if (lineEnd === -1) return undefined;
      const size = parseInt(this.#text.slice(at, lineEnd), 16);
      at = lineEnd + 2 + size + 2;
      if (size === 0) return at;
      if (this.#text.length < at) return undefined;
    }
  }
}
