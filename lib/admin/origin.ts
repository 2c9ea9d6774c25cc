/** The address of a page, as the header `Origin` has it. */

/**
 * Reads the address of a page, "https://admin.example.com", as browsers write it.
 *
 * @throws {RangeError} it is none, or more than scheme, host and port.
 */
export function parseOrigin(text: string): string {
  const url = URL.parse(text);
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) &&
    `${url.origin}/` === url.href && !/[?#@*]/.test(text);
  if (!isOrigin) throw new RangeError(`"${text}" is not like https://admin.example.com`);
  return url.origin;
}
