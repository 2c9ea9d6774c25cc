#!/usr/bin/env bash
# Datagrams: syslog of the cloud to a collector at the edge.
. "$(dirname "$0")/common.sh"

nc -u -l "${SERVICE%:*}" "${SERVICE#*:}" > "$DIR/log" &
pids+=($!)
start server --listen "udp://$FRONT/edge-a/syslog" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a --target "syslog=udp://$SERVICE"

# Datagrams get lost while the agent is not there yet.
until grep -q . "$DIR/log"; do echo '<14>hello' | nc -u -w 1 "${FRONT%:*}" "${FRONT#*:}"; done
head -n 1 "$DIR/log"
