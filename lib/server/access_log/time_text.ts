/** Times as texts, made once a second. */

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Makes texts of wall clock times in ms since 1970, in UTC. */
export class TimeText {
  #second = -1;
  #text = "";
  readonly #format: (date: Date) => string;

  /** @param format of the whole second. */
  constructor(format: (date: Date) => string) {
    this.#format = format;
  }

  of(ms: number): string {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = this.#format(new Date(second * 1000));
    }
    return this.#text;
  }
}

/** `25/Nov/2026:23:44:44 +0000`, as Apache writes it. */
export function commonTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two);
  return `${day}:${time.join(":")} +0000`;
}

/** `2026-11-25T23:44:44.`, without the digits behind the point. */
export function isoSecond(date: Date): string {
  return date.toISOString().slice(0, 20);
}
