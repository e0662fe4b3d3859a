import { constants, KeyObject, sign, type webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { der, TAG } from '../../../shared/identity/der.ts';
import { x509 } from '../../../shared/identity/x509.ts';
import { type Certified, certify, ForgedNetwork, honest, is, newKeys, pathOf, pemOf } from '../forged.ts';

/** What a controller answers; `hang` never does, `cut` closes the connection in place of it. */
export type Reply = { status?: number; headers?: Record<string, string>; body?: string | Buffer } | 'hang' | 'cut';

export interface SeenRequest {
  method: string | undefined;
  url: string | undefined;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

export const IDENTITY_ID = 'hc..xMvev';
export const SECRET = '6f84ecff-5033-4b9a-8618-69189c8abbf5';

const SIGNED_DATA = '2a864886f70d010702';
const DATA = '2a864886f70d010701';

/** A PKCS #7 SignedData that holds certificates alone, as RFC 5652 §5 writes it. */
export function degenerate(certificates: readonly Uint8Array[]): Buffer {
  const signedData = der(
    TAG.sequence,
    der(TAG.integer, Buffer.of(1)),
    der(TAG.set),
    der(TAG.sequence, der(TAG.oid, Buffer.from(DATA, 'hex'))),
    der(TAG.within(0), ...certificates),
    der(TAG.set),
  );
  return der(TAG.sequence, der(TAG.oid, Buffer.from(SIGNED_DATA, 'hex')), der(TAG.within(0), signedData));
}

/** Base64 in lines of 64, as a controller sends its bundle. */
export function inLines(bytes: Uint8Array): string {
  return `${
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n') ?? ''
  }\n`;
}

/** Signs a JWT with whatever key, whatever its claims say. */
export function jwt(claims: unknown, key: KeyObject, { alg = 'ES256', ...header }: Record<string, unknown> = {}): string {
  const part = (json: unknown): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  const signed = `${part({ alg, typ: 'JWT', ...header })}.${part(claims)}`;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const signature = sign(`sha${String(alg).slice(2)}`, Buffer.from(signed), {
    key,
    dsaEncoding: 'ieee-p1363',
    ...(String(alg).startsWith('PS') && pss),
  });
  return `${signed}.${signature.toString('base64url')}`;
}

/** Its key, certificate and intermediates, as a TLS server takes them. */
function serving(server: Certified): { key: string; cert: string } {
  return {
    key: KeyObject.from(server.keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pemOf(pathOf(server)),
  };
}

export interface ServerOptions {
  keys?: webcrypto.CryptoKeyPair;
  /** The address that its certificate names. */
  ip?: string;
}

/** A TLS server's certificate, below the network's CA. */
export function serverOf(network: ForgedNetwork, { keys, ip = '127.0.0.1' }: ServerOptions = {}): Promise<Certified> {
  return network.leaf([is.key(), is.server(), is.named({ type: 'ip', value: ip })], keys ? { keys } : {});
}

/** The part of a controller that enrols, on a free port, honest unless told otherwise. */
export class EnrollingController implements AsyncDisposable {
  readonly network: ForgedNetwork;
  readonly requests: SeenRequest[] = [];
  connections = 0;
  /** What clients sent inside of TLS. */
  bytesRead = 0;
  /** Stand in for what an honest controller does. */
  cacerts: () => Reply = () => ({ body: inLines(this.bundle()) });
  enroll: (csr: string) => Reply | Promise<Reply> = async (csr) => ({
    body: JSON.stringify({ data: { cert: await this.certified(csr) }, meta: {} }),
  });
  readonly #server: Certified;
  readonly #tls: ReturnType<typeof createTlsServer>;
  readonly #sockets = new Set<Socket>();

  private constructor(network: ForgedNetwork, server: Certified) {
    this.network = network;
    this.#server = server;
    const http = createServer((request, response) => void this.#answer(request, response));
    this.#tls = createTlsServer({ ...serving(server), ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
      socket.on('error', () => undefined);
      http.emit('connection', socket);
      socket.on('data', (chunk: Buffer) => {
        this.bytesRead += chunk.length;
      });
    });
    this.#tls.on('tlsClientError', () => undefined);
    this.#tls.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: { network?: ForgedNetwork } & ServerOptions = {}): Promise<EnrollingController> {
    const network = options.network ?? (await ForgedNetwork.create());
    const controller = new EnrollingController(network, await serverOf(network, options));
    await new Promise<void>((resolve) => controller.#tls.listen(0, '127.0.0.1', resolve));
    return controller;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#tls.address() as AddressInfo).port}`;
  }

  get signingKey(): KeyObject {
    return KeyObject.from(this.#server.keys.privateKey);
  }

  /** The claims of an honest token. */
  claims(): Record<string, unknown> {
    const exp = Math.floor(Date.now() / 1000) + 3 * 3600;
    const ctrls = [`tls:${new URL(this.url).host}`];
    return { iss: this.url, sub: IDENTITY_ID, aud: [''], exp, jti: SECRET, em: 'ott', ctrls };
  }

  token(claims: Record<string, unknown> = {}): string {
    return jwt({ ...this.claims(), ...claims }, this.signingKey);
  }

  bundle(...more: readonly Certified[]): Buffer {
    const { root, intermediate } = this.network;
    return degenerate([root, intermediate, ...more].map(({ certificate }) => new Uint8Array(certificate.rawData)));
  }

  /** Leaf and intermediate for a CSR, PEM. */
  async certified(csr: string, extensions = honest(IDENTITY_ID), issuer = this.network.intermediate): Promise<string> {
    const publicKey = await new x509.Pkcs10CertificateRequest(csr).publicKey.export();
    // Only the public one goes into the certificate.
    const keys = { publicKey, privateKey: issuer.keys.privateKey };
    return pemOf(pathOf(await certify({ issuer, subject: 'leaf', extensions, keys })));
  }

  /** From the next connection on another key answers here. */
  swap(server: Certified): void {
    this.#tls.setSecureContext(serving(server));
  }

  /** Resolves when no connection is open: until then, something could still arrive. */
  async closed(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    const reply = request.method === 'GET' ? this.cacerts() : await this.enroll(body);
    if (reply === 'cut') request.socket.destroy();
    else if (reply !== 'hang') response.writeHead(reply.status ?? 200, reply.headers).end(reply.body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#tls.close(resolve));
  }
}

/** Keys as a quickstart's controller has them. */
export function rsaKeys(): Promise<webcrypto.CryptoKeyPair> {
  return newKeys({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' });
}
