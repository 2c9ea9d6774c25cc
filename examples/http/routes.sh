#!/usr/bin/env bash
# Requests go to clusters by host and path; a label of the host may name the cluster.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP" --tunnel "$TUNNEL" \
  --route 'shop.example.com/api=edge-a' \
  --route 'shop.example.com=edge-b' \
  --route '{cluster}.edge.example.com={cluster}'
start agent --server "$TUNNEL" --cluster edge-a
start agent --server "$TUNNEL" --cluster edge-b
until_says edge-a -H 'Host: edge-a.edge.example.com' "$HTTP"
until_says edge-b -H 'Host: edge-b.edge.example.com' "$HTTP"

show -H 'Host: shop.example.com' "$HTTP/api/v1" | grep '^ *cluster'         # edge-a
show -H 'Host: shop.example.com' "$HTTP/" | grep '^ *cluster'               # edge-b
show -H 'Host: edge-a.edge.example.com' "$HTTP/" | grep '^ *cluster'        # edge-a
show -o /dev/null -w '%{http_code}\n' -H 'Host: elsewhere.test' "$HTTP/" # 404
