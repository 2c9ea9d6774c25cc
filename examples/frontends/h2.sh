#!/usr/bin/env bash
# HTTP/2 by prior knowledge, as gRPC's clients speak it, through any http:// frontend.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a
until_says 'The tunnel works' "$HTTP"

show --http2-prior-knowledge -o /dev/null -w '%{http_code} by HTTP/%{http_version}\n' "$HTTP"
# An answer of our own to a gRPC call is a gRPC status: 12 for a cluster that there is not.
show --http2-prior-knowledge -D - -o /dev/null -X POST -H 'x-revtun-cluster: nobody' \
  -H 'content-type: application/grpc' "$HTTP/package.Service/Method" | grep '^grpc-status'
