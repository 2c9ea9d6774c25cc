/** The reference page of all settings, from their definitions. */
import { jsonSchema } from "./json_schema.ts";
import type { SectionSpec } from "./schema.ts";
import { keyOf, keysOf } from "./setting.ts";
import type { SettingSpec } from "./setting.ts";

/** A setting as the page shows it. */
export interface ReferenceRow {
  readonly flag: string | undefined;
  readonly variable: string | undefined;
}

type JsonNode = Readonly<Record<string, unknown>>;

/**
 * The tables of the page, in Markdown: one of each section, then one of each structure.
 *
 * @param namesOf the flag and the environment variable of a setting.
 */
export function settingsTables(
  sections: readonly SectionSpec[],
  namesOf: (spec: SettingSpec) => ReferenceRow,
): string {
  const schema = jsonSchema(sections) as { properties: Record<string, JsonNode> };
  const parts: string[] = [];
  for (const { name, summary, settings } of sections) {
    const properties = schema.properties[name]?.["properties"] as Record<string, JsonNode>;
    parts.push(`## \`${name}:\``, "", `${summary}.`, "");
    parts.push("| key | type and default | flag, variable | what |", "| - | - | - | - |");
    for (const spec of settings) parts.push(settingRow(spec, namesOf(spec)));
    parts.push("");
    for (const spec of settings) {
      if (spec.kind === "value") parts.push(...structure(spec, properties[keyOf(spec)] ?? {}));
    }
  }
  return parts.join("\n");
}

function settingRow(spec: SettingSpec, { flag, variable }: ReferenceRow): string {
  const [key, ...others] = keysOf(spec);
  const names = [flag, variable].filter((name) => name !== undefined).map(code).join(" ");
  const also = others.length === 0 ? "" : `; also ${others.map(code).join(", ")}`;
  const when = spec.isFixed ? " †" : "";
  return row(code(key ?? ""), typeOf(spec), names || "–", `${spec.description}${also}${when}`);
}

function typeOf(spec: SettingSpec): string {
  const type = spec.choices?.map(code).join(" or ") ??
    { value: "see below", string: "text", list: "list of texts" }[spec.kind as string] ?? spec.kind;
  const limits = [
    spec.min === undefined || spec.kind !== "number" ? "" : `from ${spec.min}`,
    spec.max === undefined || spec.kind !== "number" ? "" : `to ${spec.max}`,
  ].filter((limit) => limit !== "").join(" ");
  const preset = spec.defaultText ?? (spec.default === undefined ? "" : code(spec.default));
  return [type, limits, preset === "" ? "" : `default ${preset}`].filter((part) => part !== "")
    .join(", ");
}

/** Keys of a structure, those inside lists and groups with their way. */
function structure(spec: SettingSpec, node: JsonNode): string[] {
  const rows = [...structureRows(node, "")];
  if (rows.length === 0) return [];
  return [
    `### \`${keyOf(spec)}\``,
    "",
    `${spec.description}.`,
    "",
    "| key | type | what |",
    "| - | - | - |",
    ...new Set(rows),
    "",
  ];
}

function* structureRows(node: JsonNode, way: string): Generator<string> {
  for (const variant of (node["anyOf"] ?? node["oneOf"] ?? []) as JsonNode[]) {
    yield* structureRows(variant, way);
  }
  const item = node["items"] as JsonNode | undefined;
  if (item !== undefined) yield* structureRows(item, `${way}[]`);
  const values = node["additionalProperties"];
  if (typeof values === "object") yield* structureRows(values as JsonNode, `${way}.NAME`);
  const required = (node["required"] ?? []) as string[];
  for (const [name, property] of Object.entries((node["properties"] ?? {}) as JsonNode)) {
    const child = property as JsonNode;
    const place = `${way}.${name}`;
    const need = required.includes(name) ? ", required" : "";
    yield row(
      code(place.replace(/^\./, "")),
      `${nodeType(child)}${need}`,
      String(child["description"] ?? ""),
    );
    yield* structureRows(child, place);
  }
}

function nodeType(node: JsonNode): string {
  if (node["const"] !== undefined) return code(String(node["const"]));
  const choices = node["enum"] as unknown[] | undefined;
  if (choices !== undefined) return choices.map((choice) => code(String(choice))).join(" or ");
  const variants = (node["anyOf"] ?? node["oneOf"]) as JsonNode[] | undefined;
  if (variants !== undefined) return [...new Set(variants.map(nodeType))].join(" or ");
  const item = node["items"] as JsonNode | undefined;
  if (item !== undefined) return `list of ${nodeType(item)}`;
  const type = String(node["type"] ?? "any");
  return { string: "text", object: "group", integer: "number" }[type] ?? type;
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
