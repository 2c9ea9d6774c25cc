/** What readers of several pages have: shell for the specs of pages. */

/** A CA in ca.pem; `certify NAME CN SAN` makes NAME.pem and NAME.key of it. */
export const CA = `
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2> /dev/null
certify() {
  openssl req $key -keyout $1.key -subj "/CN=$2" 2> /dev/null |
    openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $1.pem \\
      -extfile <(echo "subjectAltName=$3") 2> /dev/null
}
`;

/** An account at the edge that ssh logs in to by key; the home is the world's, not this machine's. */
export const SSH_ACCOUNT = `
sed -i "s|:/root:|:$HOME:|" /etc/passwd
mkdir -p -m 700 ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
printf 'StrictHostKeyChecking accept-new\\nLogLevel ERROR\\n' > ~/.ssh/config
ssh-keygen -q -A
`;

/** An ssh server on every address, for that account. */
export const SSHD = "/usr/sbin/sshd -D -e -o PermitRootLogin=yes -o StrictModes=no";

/** A capture of an agent's coming and going, in tunnel.pcap. */
export const CAPTURE = `
until_has() { until grep -q "$1" $2; do sleep 0.1; done; }
revtun server 2> server.log & server=$!
until_has frontend.listening server.log
tcpdump -i any -U -w tunnel.pcap port 9000 2> tcpdump.log & tcpdump=$!
until_has 'listening on' tcpdump.log
revtun agent --server cloud:9000 --cluster edge-a --connections 1 2> agent.log & agent=$!
until_has tunnel.connected agent.log
kill $agent && wait $agent
sleep 1
kill $tcpdump $server && wait $tcpdump && wait $server
`;

/** A name server at an address, that knows these names and no others. */
export function nameServer(address: string, ...records: readonly string[]): string {
  return "dnsmasq -k -C /dev/null --no-resolv --no-hosts -u root --bind-interfaces " +
    [`--listen-address=${address}`, ...records].join(" ");
}

/** A web service, by the arguments of Node's `listen()`, that answers everything with a file. */
export function webService(listen: string, file: string, module = "http"): string {
  const options = module === "https" ? '{ key: read("web.key"), cert: read("web.pem") }, ' : "";
  return `node -e 'const read = require("fs").readFileSync; ` +
    `require("${module}").createServer(${options}(request, response) => ` +
    `response.end(read("${file}"))).listen(${listen})'`;
}
