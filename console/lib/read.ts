/** Reads what the API answers: whatever is wrong in it becomes an empty value, never an error. */

/** A JSON object of the API, of this version or another. */
export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}

export function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : [];
}

/** Numbers become texts, anything else but a text becomes "". */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function numberOf(value: unknown): number {
  return numberOrNull(value) ?? 0;
}

/** Larger ones are no counts: they would only break the tables. */
const MAX_NUMBER = 1e16;

export function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Math.abs(value) < MAX_NUMBER ? value : null;
}

/** An ISO time as ms since 1970; null for what is none. */
export function timeOf(value: unknown): number | null {
  return numberOrNull(Date.parse(textOf(value)));
}
