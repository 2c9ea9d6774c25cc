#!/usr/bin/env bash
# While a cluster has no agent, requests wait for one to come, up to --hold; then they get 503.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP/edge-a" --tunnel "$TUNNEL" --hold 8s
# 28 is curl's own patience coming to its end: the server is there and holds the request.
until curl -sS -o /dev/null --max-time 0.3 "$HTTP" 2> /dev/null || [ $? -eq 28 ]; do sleep 0.1; done
(sleep 1; exec ${REVTUN:-revtun} agent --server "$TUNNEL" --cluster edge-a --log-level warn) &
pids+=($!)

show -o /dev/null -w '%{http_code}\n' "$HTTP" # 200, after a second
