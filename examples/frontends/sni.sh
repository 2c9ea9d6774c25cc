#!/usr/bin/env bash
# TLS is passed on as it is, by the name that clients ask for: the certificate stays at the edge.
. "$(dirname "$0")/common.sh"
certificates edge-a.example.test

openssl s_server -quiet -www -accept "$SERVICE" \
  -cert "$DIR/edge-a.example.test.pem" -key "$DIR/edge-a.example.test.key" &
pids+=($!)
start server --listen "tls://$FRONT" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a --target "$SERVICE"
until over_tls edge-a.example.test > /dev/null 2>&1; do sleep 0.1; done

over_tls edge-a.example.test -o /dev/null -w '%{http_code}\n'
over_tls edge-b.example.test -o /dev/null -w '%{http_code}\n' 2> /dev/null || true # leads nowhere
