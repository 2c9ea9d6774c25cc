/** The broken set-ups of docs/troubleshooting.md, by the names of their blocks there. */
import { tokenCredential } from "../../lib/auth/credential_policy.ts";
import { Secret } from "../../lib/secret.ts";
import { answering } from "./broken_setup.ts";
import type { BrokenSetup } from "./broken_setup.ts";

type Run = (setup: BrokenSetup) => Promise<string>;

const WEB_ANSWER = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

const PROXY_ANSWER = "HTTP/1.1 407 Proxy Authentication Required\r\n" +
  'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n';

export const SETUPS: Readonly<Record<string, Run>> = {
  "all-well": async (setup) => {
    const server = await setup.server({ clusters: ["edge-a"], isOpenToClusters: false });
    return await setup.shown(["probe", server, "--cluster", "edge-a"]);
  },

  "nobody-listens": async (setup) => await setup.shown(["probe", await setup.nobody(9000)]),

  "name-unknown": async (setup) => await setup.shown(["probe", "cloud..example.com:9000"]),

  "packets-dropped": async (setup) => await setup.shown(["probe", await setup.blackHole(9000)]),

  "silence": async (setup) => await setup.shown(["probe", setup.stranger(() => {}, 9000)]),

  "proxy-refuses": async (setup) => {
    const proxy = setup.stranger(answering(PROXY_ANSWER, true), 3128);
    return await setup.shown(["probe", "cloud.example.com:443", "--proxy", `http://${proxy}`]);
  },

  "web-server": async (setup) =>
    await setup.shown(["probe", setup.stranger(answering(WEB_ANSWER), 8080)]),

  "ssh-server": async (setup) =>
    await setup.shown(["probe", setup.stranger(answering("SSH-2.0-OpenSSH_9.2\r\n", true), 22)]),

  "tls-to-plain": async (setup) => await setup.shown(["probe", `tls://${await setup.server()}`]),

  "plain-to-tls": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["127.0.0.1"])];
    return await setup.shown(["probe", await setup.server({ tunnelTls: { files } })]);
  },

  "self-signed": async (setup) => {
    const ca = await setup.ca();
    const files = [{ cert: ca.cert, key: ca.pair.key }];
    const own = [await ca.write("own", { cert: files[0]!.cert, key: files[0]!.key })];
    return await setup.shown([
      "probe",
      `tls://${await setup.server({ tunnelTls: { files: own, hasFallback: true } })}`,
    ]);
  },

  "unknown-ca": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["127.0.0.1"])];
    return await setup.shown(["probe", `tls://${await setup.server({ tunnelTls: { files } })}`]);
  },

  "certificate-expired": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["127.0.0.1"], -90, -3)];
    const server = await setup.server({ tunnelTls: { files } });
    return await setup.shown(["probe", `tls://${server}`, "--tls-ca", ca.certFile]);
  },

  "wrong-name": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["cloud.example.com"])];
    const server = await setup.server({ tunnelTls: { files, hasFallback: true } });
    return await setup.shown(["probe", `tls://${server}`, "--tls-ca", ca.certFile]);
  },

  "wrong-pin": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["127.0.0.1"])];
    const server = await setup.server({ tunnelTls: { files } });
    return await setup.shown(["probe", `tls://${server}`, "--tls-pin", `sha256:${"0".repeat(64)}`]);
  },

  "client-certificate": async (setup) => {
    const ca = await setup.ca();
    const files = [await ca.signFiles("server", ["127.0.0.1"])];
    const server = await setup.server({ tunnelTls: { files, clientCa: ca.certFile } });
    return await setup.shown(["probe", `tls://${server}`, "--tls-ca", ca.certFile]);
  },

  "wrong-credential": async (setup) => {
    const server = await setup.server({ credentialPolicy: tokenCredential(new Secret("right")) });
    return await setup.shown(["probe", server, "--cluster", "edge-a"], { REVTUN_TOKEN: "wrong" });
  },

  "cluster-undeclared": async (setup) => {
    const server = await setup.server({ clusters: ["edge-a"], isOpenToClusters: false });
    return await setup.shown(["probe", server, "--cluster", "edge-b"]);
  },

  "target-down": async (setup) => {
    const up = setup.stranger(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 8000);
    const down = await setup.nobody(8001);
    const path = await setup.file(
      "agent.yaml",
      `agent:\n  server_list: [cloud]\n  cluster: edge-a\n  targets: ["${up}", "api=${down}"]\n` +
        `  allow_request: ["GET,HEAD:/public/*"]\n`,
    );
    return await setup.shown(["probe", "--targets", "--config", path]);
  },

  "no-agent": async (setup) => {
    const init = { clusters: ["edge-a"], isOpenToClusters: false, holdMs: 0 };
    return await setup.shown(["probe", "--via", `http://${await setup.frontend(init)}/`]);
  },

  "target-refused": async (setup) => {
    const frontend = await setup.frontend({}, await setup.nobody(8000));
    return await setup.shown(["probe", "--via", `http://${frontend}/`]);
  },

  "all-hops": async (setup) => {
    const target = setup.stranger(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 8000);
    const frontend = await setup.frontend({ tellsTimings: true }, target);
    return await setup.shown(["probe", "--via", `http://${frontend}/`]);
  },

  "doctor-server": async (setup) => {
    const ca = await setup.ca();
    const good = await ca.signFiles("server", ["cloud.example.com"]);
    const other = await ca.signFiles("other", ["other.example.com"]);
    await Deno.writeTextFile(`${ca.folder}/token`, "s3cret\n");
    await Deno.chmod(`${ca.folder}/token`, 0o644);
    await Deno.chmod(other.key, 0o600);
    await Deno.chmod(good.cert, 0o644);
    const taken = setup.stranger(answering(WEB_ANSWER), 8080);
    const tunnel = await setup.nobody(9000);
    const path = `${ca.folder}/server.yaml`;
    await Deno.writeTextFile(
      path,
      `server:\n  listen: ["${taken}"]\n  tunnel: ["${tunnel}"]\n  tls_cert: ${good.cert}\n` +
        `  tls_key: ${other.key}\n  credential_policy: token\n  token_file: token\n`,
    );
    await Deno.chmod(path, 0o644);
    return await setup.shown(["doctor", "--config", path]);
  },

  "doctor-typo": async (setup) => {
    const path = await setup.file(
      "agent.yaml",
      "agent:\n  server_list: [cloud]\n  clutser: edge-a\n",
    );
    return await setup.shown(["doctor", "--config", path]);
  },
};
