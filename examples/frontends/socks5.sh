#!/usr/bin/env bash
# SOCKS 5 into an edge network: the client names host and port, the agent's --allow decides.
. "$(dirname "$0")/common.sh"

# What is to be reached at the edge is here the http:// frontend itself.
start server --listen "http://$HTTP" --listen "socks5://$FRONT" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a --allow "127.0.0.1:${HTTP#*:}"
until_says 'The tunnel works' "$HTTP"

page="http://127.0.0.1.edge-a.revtun:${HTTP#*:}/"
show --socks5-hostname "$FRONT" -H 'Host: edge-a' "$page" | grep '^ *cluster'
# Not on the agent's list.
show --socks5-hostname "$FRONT" http://192.0.2.1.edge-a.revtun/ 2> /dev/null || echo refused
