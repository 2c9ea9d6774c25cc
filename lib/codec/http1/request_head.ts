/** The head of a request: RFC 9112 section 3, strictly. */
import { COLON, CR, IS_HOST, IS_TOKEN, LF, PLAIN, SPACE, TARGET_KIND } from "./byte_class.ts";
import { FIELD } from "./field_id.ts";
import { Head, INCOMPLETE, someListToken } from "./head.ts";
import { describeByte } from "./http_error.ts";
import { equalsIgnoringCase, latin1, lowerCase } from "./latin1.ts";

/** How the request target is written (RFC 9112 section 3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

const MAX_METHOD_BYTES = 32;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const ASTERISK = 0x2a;
const AT_SIGN = 0x40;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const COMMON_METHODS = [
  "GET",
  "POST",
  "PUT",
  "HEAD",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "CONNECT",
  "TRACE",
] as const;
const ENCODED_METHODS = COMMON_METHODS.map((name) => new TextEncoder().encode(name));
const HTTP_SLASH = new TextEncoder().encode("HTTP/");

/** A request's head, to be parsed into again and again. */
export class RequestHead extends Head {
  /**
   * What a CONNECT's Host says is of no account, its target alone: a kube-apiserver's is always
   * 127.0.0.1. For who answers it, and passes no head on.
   */
  ignoresConnectHost = false;
  method = "";
  form: TargetForm = "origin";
  /** Of an absolute target: its scheme is https. */
  isHttps = false;
  targetStart = 0;
  targetEnd = 0;
  /** The target has neither quotes nor backslashes; false if that is not known. */
  isTargetPlain = false;
  /** Path and query inside the target; empty (start equals end) where it has none. */
  pathStart = 0;
  /** Value of Host, or the authority of an absolute or authority-form target. */
  hostStart = 0;
  hostEnd = 0;

  /** Path and query as they came, byte for byte; "/" for a target without path. */
  get path(): string {
    if (this.form === "authority" || this.form === "asterisk") return "";
    const path = latin1(this.bytes, this.pathStart, this.targetEnd);
    return path.startsWith("/") ? path : `/${path}`;
  }

  /** Host and port as the client named them, in its case; empty if it named none. */
  get host(): string {
    return latin1(this.bytes, this.hostStart, this.hostEnd);
  }

  /** The client wants this connection kept after the exchange. */
  get isKeepAlive(): boolean {
    return !this.hasClose && (this.minorVersion === 1 || this.hasKeepAlive);
  }

  /** The client offers to switch to another protocol on this connection. */
  get isUpgrade(): boolean {
    return this.hasUpgrade && this.minorVersion === 1 && this.has(FIELD.upgrade);
  }

  /**
   * Reads the head that starts at `start`; an empty line before it is skipped.
   *
   * @returns the index behind the head, or {@link INCOMPLETE}: then call again with more bytes, from
   * the same first byte.
   * @throws {HttpError} with the status to answer; the connection can't be used any further.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.begin(bytes, start);
    let at = start;
    if (at < end && bytes[at] === CR) {
      if (at + 1 === end) return INCOMPLETE;
      if (bytes[at + 1] !== LF) this.fail(400, at, "a CR without LF");
      at += 2;
      this.start = at;
    }
    at = this.#parseLine(at, end);
    if (at === INCOMPLETE) return INCOMPLETE;
    const headEnd = this.parseFields(at, end);
    if (headEnd !== INCOMPLETE) this.#checkFields();
    return headEnd;
  }

  #parseLine(start: number, end: number): number {
    const { bytes } = this;
    let at = start;
    while (at < end && IS_TOKEN[bytes[at]!] === 1) at++;
    if (at - start > MAX_METHOD_BYTES) this.fail(400, start, "the method is too long");
    if (at === end) return INCOMPLETE;
    if (bytes[at] !== SPACE || at === start) {
      this.fail(400, at, `the method has ${describeByte(bytes[at])}`);
    }
    this.method = this.#readMethod(start, at);
    this.targetStart = ++at;
    while (at < end && TARGET_KIND[bytes[at]!] === PLAIN) at++;
    this.isTargetPlain = at < end && bytes[at] === SPACE;
    if (!this.isTargetPlain) { while (at < end && TARGET_KIND[bytes[at]!] !== 0) at++; }
    this.targetEnd = at;
    if (at - start > this.limits.maxLineBytes) {
      this.fail(414, at, `the request line is over ${this.limits.maxLineBytes} bytes`, "limit");
    }
    if (at === end) return this.incomplete(end);
    if (bytes[at] !== SPACE || at === this.targetStart) {
      this.fail(400, at, `the request target has ${describeByte(bytes[at])}`);
    }
    return this.#parseVersion(at + 1, end);
  }

  #readMethod(start: number, end: number): string {
    for (let i = 0; i < ENCODED_METHODS.length; i++) {
      const name = ENCODED_METHODS[i]!;
      if (name.length !== end - start) continue;
      let k = 0;
      while (k < name.length && this.bytes[start + k] === name[k]) k++;
      if (k === name.length) return COMMON_METHODS[i]!;
    }
    return latin1(this.bytes, start, end);
  }

  #parseVersion(start: number, end: number): number {
    const { bytes } = this;
    const length = HTTP_SLASH.length;
    for (let i = 0; i < length; i++) {
      if (start + i === end) return this.incomplete(end);
      if (bytes[start + i] !== HTTP_SLASH[i]) {
        this.fail(400, start + i, "the request line does not end in HTTP/1.1");
      }
    }
    // "1.1" CR LF
    if (start + length + 5 > end) return this.incomplete(end);
    const major = bytes[start + length]! - 0x30;
    const minor = bytes[start + length + 2]! - 0x30;
    const isVersion = major >= 0 && major <= 9 && bytes[start + length + 1] === 0x2e &&
      minor >= 0 && minor <= 9;
    if (!isVersion) this.fail(400, start, "the HTTP version is malformed");
    if (bytes[start + length + 3] !== CR || bytes[start + length + 4] !== LF) {
      this.fail(400, start + length + 3, "the request line does not end in CR LF");
    }
    if (major !== 1 || minor > 1) {
      this.fail(505, start, `HTTP/${major}.${minor} is not spoken here`);
    }
    this.minorVersion = minor;
    return start + length + 5;
  }

  #checkFields(): void {
    const hostIndex = this.indexOf(FIELD.host);
    if (hostIndex === -1) {
      if (this.minorVersion === 1) this.fail(400, this.fieldsEnd, "Host is missing");
      this.hostStart = this.hostEnd = this.start;
    } else {
      this.hostStart = this.valueStart(hostIndex);
      this.hostEnd = this.valueEnd(hostIndex);
      this.#checkHost(this.hostStart, this.hostEnd);
    }
    this.#checkTarget(hostIndex !== -1);
    if (this.has(FIELD.upgrade)) this.#checkUpgrade();
  }

  #checkTarget(hasHost: boolean): void {
    const { bytes, targetStart, targetEnd } = this;
    this.pathStart = targetStart;
    if (this.method === "CONNECT") {
      this.form = "authority";
      this.#checkHost(targetStart, targetEnd);
      const isCompared = hasHost && !this.ignoresConnectHost;
      this.#checkAuthority(targetStart, targetEnd, isCompared, "");
    } else if (bytes[targetStart] === SLASH) {
      this.form = "origin";
    } else if (targetEnd - targetStart === 1 && bytes[targetStart] === ASTERISK) {
      if (this.method !== "OPTIONS") this.fail(400, targetStart, "the target * is for OPTIONS");
      this.form = "asterisk";
    } else {
      this.#parseAbsolute(hasHost);
    }
  }

  #parseAbsolute(hasHost: boolean): void {
    const { bytes, targetStart, targetEnd } = this;
    const isPlain = equalsIgnoringCase(bytes, targetStart, targetStart + 7, "http://");
    const isSecure = equalsIgnoringCase(bytes, targetStart, targetStart + 8, "https://");
    if (!isPlain && !isSecure) {
      this.fail(400, targetStart, "the request target is neither a path nor an http URL");
    }
    this.form = "absolute";
    this.isHttps = isSecure;
    const start = targetStart + (isPlain ? 7 : 8);
    let at = start;
    while (at < targetEnd && bytes[at] !== SLASH && bytes[at] !== QUESTION_MARK) {
      if (bytes[at] === AT_SIGN) this.fail(400, at, "the request target names a user");
      at++;
    }
    this.#checkHost(start, at);
    this.#checkAuthority(start, at, hasHost, isPlain ? ":80" : ":443");
    this.pathStart = at;
  }

  /** A target's authority and Host must agree: one hop may route by this, the next by that. */
  #checkAuthority(start: number, end: number, hasHost: boolean, defaultPort: string): void {
    if (hasHost) {
      const { bytes } = this;
      const aEnd = withoutPort(bytes, start, end, defaultPort);
      const bEnd = withoutPort(bytes, this.hostStart, this.hostEnd, defaultPort);
      let isSame = aEnd - start === bEnd - this.hostStart;
      for (let i = 0; isSame && i < aEnd - start; i++) {
        isSame = lowerCase(bytes[start + i]!) === lowerCase(bytes[this.hostStart + i]!);
      }
      if (!isSame) this.fail(400, start, "the request target and Host name different hosts");
    }
    this.hostStart = start;
    this.hostEnd = end;
  }

  #checkHost(start: number, end: number): void {
    const { bytes } = this;
    if (start === end) this.fail(400, start, "the host is empty");
    let colon = -1;
    let bracket = -1;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (IS_HOST[byte] === 0) this.fail(400, i, `the host has ${describeByte(byte)}`);
      if (byte === COLON) colon = i;
      else if (byte === CLOSING_BRACKET) bracket = i;
      else if (byte === OPENING_BRACKET && i > start) {
        this.fail(400, i, "the host has a bracket inside");
      }
    }
    const isLiteral = bytes[start] === OPENING_BRACKET;
    if (isLiteral ? bracket === -1 : bracket !== -1) {
      this.fail(400, start, "the host has a bracket too many or too few");
    }
    if (isLiteral && bracket + 1 < end && bytes[bracket + 1] !== COLON) {
      this.fail(400, bracket, "something stands between an address and its port");
    }
    if (colon === -1 || colon < bracket) return;
    if (colon === start || end - colon > 6) this.fail(400, colon, "the port is malformed");
    for (let i = colon + 1; i < end; i++) {
      if (bytes[i]! < 0x30 || bytes[i]! > 0x39) this.fail(400, i, "the port is malformed");
    }
    // "a:80:90" and an address without its brackets would be cut at different colons.
    for (let i = start; i < colon && !isLiteral; i++) {
      if (bytes[i] === COLON) this.fail(400, i, "the host has more than one port");
    }
  }

  #checkUpgrade(): void {
    const { bytes } = this;
    for (let i = 0; i < this.fieldCount; i++) {
      if (this.fieldId(i) !== FIELD.upgrade) continue;
      // HTTP/2 that starts this way would carry requests past the routing (the "h2c smuggling" class).
      const isHttp2 = someListToken(
        bytes,
        this.valueStart(i),
        this.valueEnd(i),
        (from, to) => equalsIgnoringCase(bytes, from, Math.min(to, from + 3), "h2c"),
      );
      if (isHttp2) this.fail(400, this.valueStart(i), "Upgrade to h2c is not taken");
    }
  }
}

function withoutPort(bytes: Uint8Array, start: number, end: number, port: string): number {
  if (port === "" || end - start <= port.length) return end;
  return equalsIgnoringCase(bytes, end - port.length, end, port) ? end - port.length : end;
}
