#!/usr/bin/env bash
# An HTTP proxy into an edge network: by CONNECT, and for plain HTTP by whole URLs.
. "$(dirname "$0")/common.sh"

# What is to be reached at the edge is here the http:// frontend itself.
start server --listen "http://$HTTP" --listen "connect://$FRONT" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a --allow "127.0.0.1:${HTTP#*:}"
until_says 'The tunnel works' "$HTTP"

page="http://127.0.0.1.edge-a.revtun:${HTTP#*:}/"
show -x "http://$FRONT" "$page" -o /dev/null -w '%{http_code}\n'
show -x "http://$FRONT" -p "$page" -o /dev/null -w '%{http_connect} %{http_code}\n'
# Not on the agent's list.
show -x "http://$FRONT" http://192.0.2.1.edge-a.revtun/ -o /dev/null -w '%{http_code}\n'
