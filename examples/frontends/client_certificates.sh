#!/usr/bin/env bash
# An https:// frontend that takes only clients with a certificate of a CA, over HTTP/2.
. "$(dirname "$0")/common.sh"
certificates edge-a.example.test alice

start server --listen "https://$FRONT" --tunnel "$TUNNEL" --frontend-client-ca "$DIR/ca.pem" \
  --frontend-cert "$DIR/edge-a.example.test.pem" --frontend-key "$DIR/edge-a.example.test.key"
start agent --server "$TUNNEL" --cluster edge-a
alice=(--cert "$DIR/alice.pem" --key "$DIR/alice.key")
until over_tls edge-a.example.test "${alice[@]}" 2> /dev/null | grep -q works; do sleep 0.1; done

over_tls edge-a.example.test "${alice[@]}" -o /dev/null -w '%{http_code} by HTTP/%{http_version}\n'
over_tls edge-a.example.test -o /dev/null -w '%{http_code}\n' 2> /dev/null || true # no certificate
