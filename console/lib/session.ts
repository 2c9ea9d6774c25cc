/** Who looks: the token that the admin API wants, and whether it does. */
import { signal } from "@preact/signals";

/**
 * The token stays in this tab: sessionStorage is gone with it, and no request carries it by itself,
 * as a cookie's would, so that another site's page has nothing to ride on.
 */
const KEY = "revtun-token";

/** A sign-in is wanted; `problem` says what was wrong with the last one, "" before the first. */
export const signIn = signal<{ readonly problem: string } | undefined>(undefined);

export const token = signal<string>(readToken());

/** Takes a token, to be tried with the next request; "" forgets it. */
export function setToken(value: string): void {
  token.value = value;
  try {
    if (value === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch {
    // Storage is switched off: it is kept until the page is loaded again.
  }
}

function readToken(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
