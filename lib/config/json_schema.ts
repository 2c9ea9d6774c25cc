/** The JSON Schema of a settings file, for editors. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { fileSchema } from "./schema.ts";
import type { SectionSpec } from "./schema.ts";
import { keyOf, keysOf } from "./setting.ts";
import type { SettingSpec } from "./setting.ts";

/** JSON Schema, draft 7, of a file with these sections. */
export function jsonSchema(sections: readonly SectionSpec[]): Record<string, unknown> {
  const schema = toJsonSchema(fileSchema(sections), {
    typeMode: "input",
    // What only a parser can tell is told by `revtun config check`.
    errorMode: "ignore",
  }) as Record<string, unknown>;
  const properties = schema["properties"] as Record<string, JsonObject>;
  for (const { name, settings } of sections) {
    const keys = properties[name]?.properties as Record<string, Record<string, unknown>>;
    for (const spec of settings) {
      const value = jsonDefault(spec);
      const property = keys[keyOf(spec)];
      if (property !== undefined && value !== undefined) property["default"] = value;
      for (const other of keysOf(spec).slice(1)) Object.assign(keys[other] ?? {}, OTHER_SPELLING);
    }
  }
  return { ...schema, title: "Settings file of revtun" };
}

interface JsonObject {
  properties?: unknown;
}

/** Editors offer the first spelling, and strike the others through. */
const OTHER_SPELLING = { deprecated: true };

function jsonDefault(spec: SettingSpec): unknown {
  if (spec.default === undefined) return undefined;
  switch (spec.kind) {
    case "number":
      return Number(spec.default);
    case "boolean":
      return spec.default === "true";
    case "list":
      return spec.default.split(",");
    default:
      return spec.default;
  }
}
