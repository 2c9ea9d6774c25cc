/** Whether a file is its owner's word: who can write it, or put another in its place, decides too. */

const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/** Anyone on this machine may change the file. False where the system has no such modes. */
export function isWritableByAll({ mode }: Deno.FileInfo): boolean {
  return mode !== null && (mode & WRITABLE_BY_ALL) !== 0;
}

/** Anyone may replace files of the folder: that is as good as writing them. */
export function isReplaceableIn({ mode }: Deno.FileInfo): boolean {
  return mode !== null && (mode & WRITABLE_BY_ALL) !== 0 && (mode & STICKY) === 0;
}
