/** `@std/yaml`'s `parse` and `stringify` on the npm package `yaml`, which names them the same. */
import { parse as parseYaml, stringify as stringifyYaml } from "yaml";

/** Reads one YAML document. @throws {SyntaxError} what is wrong and where, as @std throws. */
export function parse(content: string): unknown {
  try {
    return parseYaml(content, { version: "1.2", logLevel: "error" });
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Writes a value as YAML. */
export function stringify(data: unknown): string {
  return stringifyYaml(data);
}
