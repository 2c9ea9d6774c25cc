/** The schema of a settings file, made from the definitions of its settings. */
import * as v from "valibot";
import { parseDuration } from "../duration.ts";
import { parseSize } from "../size.ts";
import { inRange, keyOf, keysOf } from "./setting.ts";
import type { SettingSpec } from "./setting.ts";

/** A part of the file: what one command reads. */
export interface SectionSpec {
  /** Its key at the top of the file, which is the command's name. */
  readonly name: string;
  readonly summary: string;
  readonly settings: readonly SettingSpec[];
}

/** How durations and sizes look, for editors; their parsers say more. */
const DURATION = /^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+)$/;
const SIZE = /^[0-9]+(\.[0-9]+)? ?([kKmMgG]?[iI]?[bB])?$/;

/**
 * The schema of a whole file.
 *
 * @param otherSections names of sections whose content is not looked at.
 */
export function fileSchema(
  sections: readonly SectionSpec[],
  otherSections: readonly string[] = [],
): v.GenericSchema {
  const entries: v.ObjectEntries = Object.create(null);
  // Editors find the schema of a JSON file by it.
  entries["$schema"] = v.optional(v.pipe(v.string(), v.description("Where this schema is")));
  for (const section of sections) entries[section.name] = v.optional(sectionSchema(section));
  for (const name of otherSections) entries[name] ??= v.optional(v.unknown());
  return v.strictObject(entries);
}

/** The schema of one section: what comes out has ms for durations, bytes for sizes. */
export function sectionSchema(section: SectionSpec): v.GenericSchema {
  // Without a prototype: "constructor" must be as unknown as any other key.
  const entries: v.ObjectEntries = Object.create(null);
  for (const spec of section.settings) {
    const [key = "", ...others] = keysOf(spec);
    entries[key] = v.optional(settingSchema(spec));
    for (const other of others) {
      entries[other] = v.optional(
        other === `${key}_ms`
          ? numberSchema(spec, `The same in milliseconds, as MOSN has it`)
          : settingSchema(spec),
      );
    }
  }
  return v.pipe(v.strictObject(entries), v.description(section.summary));
}

function settingSchema(spec: SettingSpec): v.GenericSchema {
  switch (spec.kind) {
    case "value":
      return v.pipe(spec.schema ?? v.unknown(), v.description(spec.description));
    case "boolean":
      return v.pipe(v.boolean(), v.description(spec.description));
    case "number":
      return numberSchema(spec, spec.description);
    case "duration":
      return amountSchema(spec, DURATION, parseDuration, ["15s", "250ms"]);
    case "size":
      return amountSchema(spec, SIZE, parseSize, ["64KiB", "10MB"]);
    case "list":
      return v.pipe(v.array(textSchema(spec)), v.description(spec.description));
    case "string":
      return v.pipe(textSchema(spec), v.description(spec.description));
  }
}

function textSchema(spec: SettingSpec): v.GenericSchema {
  if (spec.choices !== undefined) return v.picklist(spec.choices);
  return v.pipe(v.string(), v.minLength(1, "is empty"), parsed(spec.parse ?? (() => {})));
}

function numberSchema(spec: SettingSpec, description: string): v.GenericSchema {
  const { min, max } = spec;
  const message = ({ input }: { input: number }) => outOfRange(spec, input);
  let schema: v.GenericSchema<number> = v.pipe(
    v.number(),
    v.integer((issue) => `${issue.input} is not a whole number`),
  );
  if (min !== undefined) schema = v.pipe(schema, v.minValue(min, message));
  if (max !== undefined) schema = v.pipe(schema, v.maxValue(max, message));
  return v.pipe(schema, v.description(description));
}

/** A duration inside of a structure: text with a unit, which becomes ms. */
export function durationValue(
  { description, min }: { description: string; min?: number },
): v.GenericSchema<string | number, number> {
  const spec: SettingSpec = {
    name: "",
    kind: "duration",
    description,
    ...(min !== undefined && { min }),
  };
  return amountSchema(spec, DURATION, parseDuration, ["15s", "250ms"]);
}

/** Text with a unit, which becomes a number; 0 needs none. */
function amountSchema(
  spec: SettingSpec,
  pattern: RegExp,
  parse: (text: string) => number,
  examples: string[],
): v.GenericSchema<string | number, number> {
  const read = (value: string | number) => {
    if (typeof value === "number" && value !== 0 && spec.kind === "duration") {
      throw new RangeError(`${value} has no unit, did you mean ${value}s?`);
    }
    return inRange(spec, parse(String(value)));
  };
  return v.pipe(
    v.union([
      // The parser has more to say than the pattern, which is there for editors.
      v.pipe(v.string(), v.metadata({ pattern: pattern.source })),
      v.number(),
    ]),
    parsed(read),
    v.description(spec.description),
    v.metadata({ examples }),
    v.transform(read),
  );
}

/** Fails with the message of the RangeError that `parse` throws. */
export function parsed<T>(parse: (value: T) => unknown): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.issues !== undefined) return;
    try {
      parse(dataset.value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      addIssue({ message: error.message });
    }
  });
}

function outOfRange(spec: SettingSpec, value: number): string {
  try {
    inRange(spec, value);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
  }
  return `${keyOf(spec)} is out of range`;
}
