#!/usr/bin/env bash
# A frontend on a Unix socket, for processes of this user alone.
. "$(dirname "$0")/common.sh"

start server --listen "http://unix:$DIR/front.sock?cluster=edge-a" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a
until_says 'The tunnel works' --unix-socket "$DIR/front.sock" http://any/

stat -c '%a' "$DIR/front.sock"
show --unix-socket "$DIR/front.sock" http://any/ | grep '^ *cluster'
