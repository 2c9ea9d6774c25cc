/** A list of servers as text: what file and http listers read. */
import type { Address } from "../../address.ts";
import { parseServerAddress } from "../server_address.ts";

/** Larger texts are no lists of servers. */
export const MAX_LIST_BYTES = 1 << 20;

/**
 * Reads YAML or JSON: a list of `host:port`, or that list under `servers` or `server_list`.
 *
 * @throws {RangeError} what is wrong with it, and where.
 */
export async function parseServerList(text: string): Promise<Address[]> {
  if (text.length > MAX_LIST_BYTES) {
    throw new RangeError(`has more than ${MAX_LIST_BYTES} bytes, which no list of servers has`);
  }
  // The parser takes its time to load, and most agents have no list to read.
  const { readDocument } = await import("../../config/document.ts");
  const { value, problems } = readDocument(text);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new RangeError(`line ${problem.line}, column ${problem.column}: ${problem.message}`);
  }
  const items = listOf(value);
  if (items === undefined) {
    throw new RangeError('is no list of servers, expected ["host:port", …] or servers: […]');
  }
  return items.map((item, index) => {
    if (typeof item !== "string") throw new RangeError(`entry ${index + 1} is no text`);
    try {
      return parseServerAddress(item);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`entry ${index + 1}: ${error.message.slice(0, 200)}`);
    }
  });
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return undefined;
  const { servers, server_list: serverList } = value as Record<string, unknown>;
  const list = servers ?? serverList;
  return Array.isArray(list) ? list : undefined;
}
