#!/usr/bin/env bash
# A tunnel inside TLS without a CA: the server makes a certificate, the agent knows it by its pin.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP" --tunnel "$TUNNEL" --tls auto --state-dir "$DIR" > "$DIR/said"
# The server prints the agent's command line, its pin in it.
until pin=$(grep -o 'sha256:[0-9a-f]*' "$DIR/said"); do sleep 0.1; done
start agent --server "tls://$TUNNEL" --tls-pin "${pin%%$'\n'*}" --cluster edge-a
until_says 'The tunnel works' "$HTTP"

show "$HTTP" | grep '^ *cluster'
