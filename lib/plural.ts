/** Counts in sentences. */

/** "1 host", "2 hosts", "0 hosts"; `many` for words whose plural has no s at its end. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
