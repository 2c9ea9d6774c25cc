#!/usr/bin/env bash
# Behind a load balancer: its word on clients counts, that of others does not.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP?allow=203.0.113.0/24" --tunnel "$TUNNEL" \
  --trusted-proxy 127.0.0.1 --forwarded both
start agent --server "$TUNNEL" --cluster edge-a
until_says 'The tunnel works' -H 'X-Forwarded-For: 203.0.113.9' "$HTTP"

show -o /dev/null -w '%{http_code}\n' -H 'X-Forwarded-For: 203.0.113.9' "$HTTP"  # 200
show -o /dev/null -w '%{http_code}\n' -H 'X-Forwarded-For: 198.51.100.1' "$HTTP" # 403
