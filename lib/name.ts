/** Names of clusters, hosts and targets. */

/** 1 to 253 of letters, digits, `.`, `_` and `-`; compared exactly. */
export const NAME_PATTERN = /^[A-Za-z0-9._-]{1,253}$/;
