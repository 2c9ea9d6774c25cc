#!/bin/sh
# revtun as one file: this head, then a gzipped tar of deno and the program. Unpacks once into the
# user's cache directory and gives way to it.
set -eu

hash='@HASH@'

fail() {
  echo "revtun: $1" >&2
  exit 1
}

# A directory that only this user can write to: what lies there is run.
if [ -n "${REVTUN_CACHE_DIR:-}" ]; then
  base=$REVTUN_CACHE_DIR
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
  base=$XDG_CACHE_HOME/revtun
elif [ -n "${HOME:-}" ] && [ -d "$HOME" ] && [ -w "$HOME" ]; then
  base=$HOME/.cache/revtun
else
  base=${TMPDIR:-/tmp}/revtun-$(id -u)
fi
dir=$base/$hash

if [ ! -x "$dir/deno" ]; then
  (umask 077 && mkdir -p "$dir") || fail "Cannot make $dir, set REVTUN_CACHE_DIR to a directory that can be written"
  [ -O "$base" ] && [ -O "$dir" ] || fail "$dir belongs to another user, set REVTUN_CACHE_DIR to a directory of your own"
  # Runs that start at once each unpack for themselves; the renames are atomic and all the same.
  tmp=$(mktemp -d "$dir/unpack.XXXXXX") || fail "Cannot write to $dir, set REVTUN_CACHE_DIR to a directory that can be written"
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 143' HUP INT TERM
  tail -n +@PAYLOAD_LINE@ "$0" | gzip -dc | tar -xf - -C "$tmp" ||
    fail "Cannot unpack into $dir (disk full?); 140 MB are needed, or set REVTUN_CACHE_DIR"
  mv -f "$tmp/revtun.js" "$dir/revtun.js"
  # Last, since its presence says that all is there.
  mv -f "$tmp/deno" "$dir/deno"
  rm -rf "$tmp"
  trap - EXIT HUP INT TERM
fi
[ -O "$dir/deno" ] || fail "$dir belongs to another user, set REVTUN_CACHE_DIR to a directory of your own"

DENO_NO_UPDATE_CHECK=1
DENO_DIR=${DENO_DIR:-$dir/deno_dir}
# How many files may be open (deno takes all it may have), which it lets nobody see afterwards.
REVTUN_OPEN_FILES=${REVTUN_OPEN_FILES:-$(ulimit -H -n 2>/dev/null || :)}
export DENO_NO_UPDATE_CHECK DENO_DIR REVTUN_OPEN_FILES
exec "$dir/deno" run --quiet --no-config --no-lock --no-remote --no-npm @RUN_FLAGS@ "$dir/revtun.js" "$@"
exit 1
