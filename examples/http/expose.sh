#!/usr/bin/env bash
# An agent asks the server for frontends of its own, within what the server allows.
. "$(dirname "$0")/common.sh"
EXPOSED_PORT=${EXPOSED_PORT:-2222}

start server --listen "http://$HTTP" --tunnel "$TUNNEL" \
  --allow-expose 'tcp://127.0.0.1:1024-65535' --allow-expose 'http://*.example.com'
start agent --server "$TUNNEL" --cluster edge-a \
  --target "page=$HTTP" \
  --expose "tcp://:$EXPOSED_PORT=page" --expose http://shop.example.com
until_says 'The tunnel works' -H 'Host: shop.example.com' "$HTTP"

# Port and host lead to the agent's targets: here back to the frontend, and to the agent's page.
show -H 'Host: shop.example.com' "127.0.0.1:$EXPOSED_PORT" | grep '^ *cluster'
