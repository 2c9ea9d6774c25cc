/** A clock that is read once in a turn of the event loop, however often it is asked. */

/**
 * Makes a clock of `readMs` that stands still within a turn: what became ready together is dealt
 * with as of one time, as in nginx, and a request does not pay for each of its times.
 *
 * Its time is at most as old as the turn, which ends with the microtasks that the event loop began.
 * Not for loops that are to end by it.
 */
export function turnClock(readMs: () => number): () => number {
  let ms = 0;
  let isFresh = false;
  const forget = () => {
    isFresh = false;
  };
  return () => {
    if (!isFresh) {
      isFresh = true;
      queueMicrotask(forget);
      ms = readMs();
    }
    return ms;
  };
}
