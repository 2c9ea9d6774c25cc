#!/usr/bin/env bash
# A frontend that asks for a name and a password, and takes clients of certain networks only.
. "$(dirname "$0")/common.sh"

folder=$(mktemp -d)
trap 'finish; rm -r "$folder"' EXIT
echo 'correct horse' > "$folder/password"
revtun hash-password alice < "$folder/password" > "$folder/users"
chmod 600 "$folder/users"

start server --listen "http://$HTTP?users=$folder/users&allow=127.0.0.0/8,::1" --tunnel "$TUNNEL"
start agent --server "$TUNNEL" --cluster edge-a
until_says 'The tunnel works' -u 'alice:correct horse' "$HTTP"

show -o /dev/null -w '%{http_code}\n' "$HTTP"                          # 401
show -o /dev/null -w '%{http_code}\n' -u alice:guess "$HTTP"           # 401
show -o /dev/null -w '%{http_code}\n' -u 'alice:correct horse' "$HTTP" # 200
