/** What the tests of TLS share: a CA, certificates of it in files, listeners and clients. */
import { Buffer } from "node:buffer";
import type { Address } from "../../lib/address.ts";
import type { SharedBuffer } from "../../lib/buffer.ts";
import type { Sink } from "../../lib/duplex.ts";
import type { Log } from "../../lib/log.ts";
import { silentLog } from "../../lib/log.ts";
import { createRuntime } from "../../lib/runtime.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { CertificateStore } from "../../lib/transport/certificate_store.ts";
import type { KeyPairFiles } from "../../lib/transport/certificate_store.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import type { Listener } from "../../lib/transport/listen.ts";
import { makeCertificate } from "../../lib/transport/make_certificate.ts";
import type { KeyPair } from "../../lib/transport/make_certificate.ts";
import { listenTls } from "../../lib/transport/tls_listen.ts";
import type { TlsListenOptions } from "../../lib/transport/tls_listen.ts";
import type { TlsRefusal } from "../../lib/transport/tls_server.ts";

export const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const DAY_MS = 86_400_000;

/** A CA and a folder for what it signs; both go with the block that made them. */
export class TestCa implements AsyncDisposable {
  readonly folder: string;
  readonly pair: KeyPair;

  private constructor(folder: string, pair: KeyPair) {
    this.folder = folder;
    this.pair = pair;
  }

  static async make(): Promise<TestCa> {
    const pair = await makeCertificate({
      commonName: "revtun test CA",
      names: [],
      isCa: true,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 30 * DAY_MS),
    });
    const ca = new TestCa(await Deno.makeTempDir({ prefix: "revtun-tls-" }), pair);
    await Deno.writeTextFile(ca.certFile, pair.cert);
    return ca;
  }

  get cert(): string {
    return this.pair.cert;
  }

  get certFile(): string {
    return `${this.folder}/ca.pem`;
  }

  /** Signs a certificate that is valid from `fromDays` to `toDays` from now. */
  sign(names: readonly string[], fromDays = -1, toDays = 30): Promise<KeyPair> {
    return makeCertificate({
      commonName: names[0] ?? "nobody",
      names,
      issuer: this.pair,
      notBefore: new Date(Date.now() + fromDays * DAY_MS),
      notAfter: new Date(Date.now() + toDays * DAY_MS),
    });
  }

  /** The same, written to two files. */
  async signFiles(
    name: string,
    names: readonly string[],
    fromDays?: number,
    toDays?: number,
  ): Promise<KeyPairFiles> {
    return await this.write(name, await this.sign(names, fromDays, toDays));
  }

  async write(name: string, pair: KeyPair): Promise<KeyPairFiles> {
    const files = { cert: `${this.folder}/${name}.pem`, key: `${this.folder}/${name}.key` };
    await Deno.writeTextFile(files.cert, pair.cert);
    await Deno.writeTextFile(files.key, pair.key);
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A listener of TLS that keeps what it accepted and whom it refused. */
export class TlsRig implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly accepted: TestPeer[] = [];
  readonly refused: TlsRefusal[] = [];
  store!: CertificateStore;
  #listener!: Listener;
  #onAccepted: (() => void) | undefined;

  private constructor(log: Log) {
    this.runtime = createRuntime(log);
  }

  static async open(
    files: readonly KeyPairFiles[],
    options: Partial<TlsListenOptions> & { clientCa?: string; checkMs?: number; log?: Log } = {},
  ): Promise<TlsRig> {
    const rig = new TlsRig(options.log ?? silentLog);
    const { clientCa, checkMs = 60_000 } = options;
    rig.store = await CertificateStore.open({ files, clientCa, checkMs }, rig.runtime);
    rig.#listener = await listenTls(LOOPBACK, rig.runtime, {
      certificates: rig.store,
      onConnection: (connection) => {
        rig.accepted.push(new TestPeer(connection));
        rig.#onAccepted?.();
      },
      onRefused: (refusal) => rig.refused.push(refusal),
      ...options,
    });
    return rig;
  }

  get address(): Address {
    return this.#listener.address;
  }

  get port(): number {
    return (this.#listener.address as { port: number }).port;
  }

  /** The `index`th connection, from 0. */
  async connection(index = 0): Promise<TestPeer> {
    while (this.accepted.length <= index) {
      await new Promise<void>((resolve) => this.#onAccepted = resolve);
    }
    return this.accepted[index]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connection } of this.accepted) connection.close();
    this.store.close();
    await this.#listener.close();
    this.runtime.timers.close();
  }
}

/** One end of a connection in a test. */
export class TestPeer implements Sink {
  readonly connection: Connection;
  readonly received: Uint8Array[] = [];
  receivedBytes = 0;
  isEnded = false;
  isClosed = false;
  error: Error | undefined;
  onChange: (() => void) | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.attach(this);
  }

  get text(): string {
    return Buffer.concat(this.received).toString();
  }

  onData(bytes: Uint8Array, _buffer: SharedBuffer): void {
    this.received.push(bytes.slice());
    this.receivedBytes += bytes.length;
    this.onChange?.();
  }

  onEnd(): void {
    this.isEnded = true;
    this.onChange?.();
  }

  onDrain(): void {
    this.onChange?.();
  }

  onClose(error?: Error): void {
    this.isClosed = true;
    this.error = error;
    this.onChange?.();
  }

  write(text: string): void {
    this.connection.write(new TextEncoder().encode(text));
  }

  /** Resolves as soon as `isTrue` is; each event looks again. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.onChange = resolve);
  }
}
