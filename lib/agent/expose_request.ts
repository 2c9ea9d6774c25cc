/** `--expose URL[=TARGET]`: a frontend that an agent asks its servers for. */
import { formatExposeUrl, parseExposeUrl } from "../codec/expose_url.ts";
import type { ExposeRequest } from "../codec/message.ts";
import { NAME_PATTERN } from "../name.ts";

/**
 * Reads `tcp://:2222=ssh`, `udp://:53=dns`, `http://shop.example.com=web`, `tcp://:5432` for the default target.
 *
 * @throws {RangeError} saying what is wrong with it, fit to be shown behind the setting's name.
 */
export function parseExposeRequest(text: string): ExposeRequest {
  const equals = text.indexOf("=");
  const url = equals === -1 ? text : text.slice(0, equals);
  const target = equals === -1 ? "" : text.slice(equals + 1);
  if (equals !== -1 && !NAME_PATTERN.test(target)) {
    throw new RangeError(`"${text}" leads to no target, expected ${url}=TARGET`);
  }
  return { url: formatExposeUrl(parseExposeUrl(url)), target };
}
