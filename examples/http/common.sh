# What the examples of this folder share: ports, starting and ending. REVTUN is how revtun is started.
set -euo pipefail
HTTP=127.0.0.1:${HTTP_PORT:-8080}
TUNNEL=127.0.0.1:${TUNNEL_PORT:-9000}
pids=()

revtun() { ${REVTUN:-command revtun} "$@"; }

# Starts a server or an agent; it ends with the script.
start() {
  ${REVTUN:-revtun} "$@" --log-level warn &
  pids+=($!)
}

finish() {
  kill "${pids[@]}" 2> /dev/null || true
  wait
}
trap finish EXIT

# Asks until the answer has the text: agents take a moment to register.
until_says() {
  local text=$1
  shift
  for _ in $(seq 100); do
    if curl -sS --max-time 10 "$@" 2> /dev/null | grep -q "$text"; then return; fi
    sleep 0.1
  done
  echo "curl $* never said: $text" >&2
  exit 1
}

# Shows a request and its status line or body.
show() {
  echo "\$ curl $*"
  curl -sS --max-time 10 "$@"
}
