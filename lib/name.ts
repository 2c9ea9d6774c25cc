/** Names of clusters, hosts and targets. */

/** 1 to 253 of letters, digits, `.`, `_` and `-`; compared exactly. */
export const NAME_PATTERN = /^[A-Za-z0-9._-]{1,253}$/;

/** @throws {RangeError} `name` is not a name, fit to be shown behind the setting's. */
export function checkName(name: string): void {
  if (NAME_PATTERN.test(name)) return;
  throw new RangeError(
    `"${name}" is not a name, use 1 to 253 of letters, digits, ".", "_" and "-"`,
  );
}
