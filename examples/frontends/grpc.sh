#!/usr/bin/env bash
# gRPC calls to a service at the edge: answers, streams, statuses and deadlines as it gave them.
. "$(dirname "$0")/common.sh"

node "$(dirname "$0")/greeter.mjs" serve "$SERVICE" > "$DIR/service.log" &
pids+=($!)
start server --listen "http://$HTTP/edge-a/greeter" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a --target "greeter=h2c://$SERVICE?health=tcp"

# As soon as the service listens, requests that are not gRPC get an answer of its own.
until_says 415 --http2-prior-knowledge -o /dev/null -w '%{http_code}' -X POST "$HTTP/"
node "$(dirname "$0")/greeter.mjs" call "$HTTP" world
# The deadline of the caller has ended the call at the service too.
for _ in $(seq 100); do
  grep 'was woken' "$DIR/service.log" && exit
  sleep 0.1
done
exit 1
