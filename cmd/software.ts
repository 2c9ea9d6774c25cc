/** What this program is called. */

/** The version of this program, as in package.json (a test compares them). */
export const VERSION = "0.1.0";

/** Name and version, as peers and operators are told. */
export const SOFTWARE = `revtun/${VERSION}`;
