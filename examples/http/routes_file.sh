#!/usr/bin/env bash
# Routes of a settings file: rewriting paths and header fields, choosing by method and header.
. "$(dirname "$0")/common.sh"

start server --config "$(dirname "$0")/routes.yaml" --listen "http://$HTTP" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a
start agent --server "$TUNNEL" --cluster edge-b
until_says edge-a -H 'Host: edge-a.edge.example.com' "$HTTP"
until_says edge-b -H 'Host: edge-b.edge.example.com' "$HTTP"

show -H 'Host: www.example.com' "$HTTP/old/page?x" | grep 'you asked'       # GET /new/page?x at inner.test
show -o /dev/null -D - -H 'Host: www.example.com' "$HTTP/old" | grep X-Served # edge
show -H 'x-canary: 1' "$HTTP" | grep '^ *cluster'                           # edge-b
show -o /dev/null -w '%{http_code}\n' "$HTTP"                               # 404
