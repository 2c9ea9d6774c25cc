# What the examples of this folder share beside examples/http/common.sh: more ports, a folder, certificates.
. "$(dirname "$0")/../http/common.sh"
FRONT=127.0.0.1:${EXPOSED_PORT:-8443}
SERVICE=127.0.0.1:${SERVICE_PORT:-8000}
DIR=$(mktemp -d)
finish_all() {
  finish
  rm -rf "$DIR"
}
trap finish_all EXIT

# Makes a CA in $DIR/ca.pem, and NAME.pem with NAME.key for each name, signed by it.
certificates() {
  local new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
  "${new[@]}" -keyout "$DIR/ca.key" -out "$DIR/ca.pem" -subj '/CN=example CA' 2> /dev/null
  for name in "$@"; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
      -keyout "$DIR/$name.key" -out "$DIR/$name.csr" 2> /dev/null
    openssl x509 -req -in "$DIR/$name.csr" -days 2 -CA "$DIR/ca.pem" -CAkey "$DIR/ca.key" \
      -CAcreateserial -extfile <(echo "subjectAltName=DNS:$name") -out "$DIR/$name.pem" 2> /dev/null
  done
}

# Asks for a page by https:// of a name that leads to the frontend.
over_tls() {
  local name=$1
  shift
  curl -sS --max-time 10 --cacert "$DIR/ca.pem" \
    --resolve "$name:${FRONT#*:}:127.0.0.1" "https://$name:${FRONT#*:}/" "$@"
}
