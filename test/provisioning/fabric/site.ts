import assert from 'node:assert/strict';
import { KeyObject, webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Fabric, type FabricOptions, startFabric } from '../../../provisioning/fabric/fabric.ts';
import type { Clock } from '../../../shared/clock.ts';
import { x509 } from '../../../shared/identity/x509.ts';
import { silentLogger } from '../../../shared/log.ts';

/** What a call of these tests reads of an answer, without believing anything about it. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed body; `{}` when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies at will.
  json: any;
}

export interface CallOptions {
  body?: string | Buffer | object;
  headers?: Record<string, string>;
  /** Client certificate and key, PEM. */
  certificate?: { key: string; cert: string };
  /** A path of its own, in place of the one below /edge/client/v1. */
  absolute?: boolean;
}

export interface Enrolled {
  id: string;
  key: string;
  cert: string;
}

/** A clock that a test moves; certificates are made by it too, so it never goes back. */
export class MovableClock implements Clock {
  ahead = 0;
  now(): number {
    return Date.now() + this.ahead;
  }
  monotonicMs(): number {
    return performance.now() + this.ahead;
  }
}

/** An embedded network in a folder of its own, called over HTTPS as any client would. */
export class FabricSite implements AsyncDisposable {
  readonly home: string;
  readonly clock = new MovableClock();
  #fabric: Fabric | undefined;

  readonly #options: Partial<FabricOptions>;

  static async start(options: Partial<FabricOptions> = {}): Promise<FabricSite> {
    const site = new FabricSite(options);
    await site.start();
    return site;
  }

  constructor(options: Partial<FabricOptions> = {}) {
    this.#options = options;
    this.home = join(mkdtempSync(join(tmpdir(), 'vitalmesh-fabric-')), 'home');
  }

  get fabric(): Fabric {
    assert.ok(this.#fabric, 'the network runs');
    return this.#fabric;
  }

  /** `https://127.0.0.1:port` */
  get origin(): string {
    return new URL(this.fabric.controllerUrl).origin;
  }

  async start(): Promise<void> {
    const anywhere = { host: '127.0.0.1', port: 0 };
    this.#fabric = await startFabric({
      ...{ home: this.home, controller: anywhere, router: anywhere, log: silentLogger, clock: this.clock },
      ...this.#options,
    });
  }

  async stop(): Promise<void> {
    await this.#fabric?.[Symbol.asyncDispose]();
    this.#fabric = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(join(this.home, '..'), { recursive: true, force: true });
  }

  /** One HTTPS request on a connection of its own; the server's certificate is verified against the network's CA, name included. */
  async call(method: string, path: string, { body, headers = {}, certificate, absolute = false }: CallOptions = {}): Promise<Reply> {
    const json = typeof body === 'object' && !Buffer.isBuffer(body);
    const outgoing = request(absolute ? `${this.origin}${path}` : `${this.fabric.controllerUrl}${path}`, {
      method,
      headers: { ...(json && { 'content-type': 'application/json' }), ...headers },
      ca: this.fabric.caPem,
      ...certificate,
      // Node would verify the name in a Host header that is given.
      ...(headers.host && { servername: 'localhost' }),
      agent: false,
      timeout: 60_000,
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    return new Promise((resolve, reject) => {
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        text(response).then((content) => resolve({ status, headers: answered, text: content, json: parsed(content) }), reject);
      });
      outgoing.end(json ? JSON.stringify(body) : body);
    });
  }

  /** Creates an identity and enrols it with a fresh P-256 key. */
  async enrol(name: string, attributes: string[] = []): Promise<Enrolled> {
    const { id, jwt } = await this.fabric.admin.createIdentity({ name, attributes });
    const keys = await newKeys();
    const { status, json } = await this.spend(jwt, await csrOf(keys, name));
    assert.equal(status, 200);
    return { id, key: privatePem(keys), cert: json.data.cert };
  }

  /** Spends a token with a PEM request. */
  spend(jwt: string, csr: string): Promise<Reply> {
    return this.call('POST', `/enroll?method=ott&token=${claimsOf(jwt).jti}`, {
      body: csr,
      headers: { 'content-type': 'application/x-pem-file' },
    });
  }

  authenticate(certificate: { key: string; cert: string } | undefined): Promise<Reply> {
    return this.call('POST', '/authenticate?method=cert', { body: {}, ...(certificate && { certificate }) });
  }

  /** Signs in and gives what further calls carry. */
  async signIn(certificate: Enrolled): Promise<{ id: string; token: string; headers: { 'zt-session': string } }> {
    const { status, json } = await this.authenticate(certificate);
    assert.equal(status, 200);
    return { id: json.data.id, token: json.data.token, headers: { 'zt-session': json.data.token } };
  }
}

/** The claims of a JWT, unverified. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

export const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
export const P384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
export const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };

export async function newKeys(algorithm: typeof P256 | typeof RSA = P256): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

export function privatePem({ privateKey }: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A signing request in PEM, as the Go SDK makes it. */
export async function csrOf(
  keys: webcrypto.CryptoKeyPair,
  commonName: string,
  algorithm: { name: string; hash: string } = P256,
): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ C: ['US'] }, { O: ['NetFoundry'] }, { CN: [commonName] }],
    keys,
    signingAlgorithm: { name: algorithm.name, hash: algorithm.hash },
  });
  return `${request.toString('pem')}\n`;
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return {};
  }
}

/** An error body as the real controller has them, with every key. */
export function assertRefused(reply: Reply, status: number, code: string, cause?: object): void {
  assert.equal(reply.status, status, reply.text);
  assert.equal(reply.headers['content-type'], 'application/json');
  assert.equal(reply.json.error.code, code);
  assert.match(reply.json.error.message, /^The /);
  assert.match(reply.json.error.requestId, /^[0-9A-Za-z.-]{9,11}$/);
  assert.deepEqual(reply.json.error.cause, cause);
  assert.deepEqual(reply.json.meta, { apiEnrollmentVersion: '0.0.1', apiVersion: '0.0.1' });
  assert.deepEqual(Object.keys(reply.json.error), cause ? ['cause', 'code', 'message', 'requestId'] : ['code', 'message', 'requestId']);
}
