#!/usr/bin/env bash
# Behind a balancer of TCP that says by PROXY headers who its clients are.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP?proxy_protocol=127.0.0.1" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a
until_says 'The tunnel works' --haproxy-protocol "$HTTP"

show --haproxy-protocol -o /dev/null -w '%{http_code}\n' "$HTTP"
# Without a header nobody is let in: its word would be taken for a client's.
show "$HTTP" 2> /dev/null || echo refused
