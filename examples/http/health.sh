#!/usr/bin/env bash
# Agents look at their targets; the one whose target is unwell gets no requests.
. "$(dirname "$0")/common.sh"

start server --listen "http://$HTTP" --tunnel "$TUNNEL" --hold 0
# Nothing listens on port 9 of this machine.
start agent --server "$TUNNEL" --cluster edge-a --host-name broken \
  --target 'tcp://127.0.0.1:9?health=tcp&health_interval=200ms'
until_says target-unhealthy -D - "$HTTP"
start agent --server "$TUNNEL" --cluster edge-a --host-name well
until_says 'agent *well' "$HTTP"

for _ in 1 2 3 4; do show "$HTTP" | grep '^ *agent '; done # well, each time
