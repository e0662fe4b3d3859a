import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateRequest, Validity } from '../../../../../provisioning/fabric/ca.ts';
import type { HeldIdentity } from '../../../../../shared/identity/held-identity.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { x509 } from '../../../../../shared/identity/x509.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import type { CertificateController } from '../../../../../shared/overlay/ziti/controller/contract.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { type RenewalStep, type Renewed, renewIdentity } from '../../../../../shared/overlay/ziti/renewal/renew.ts';
import { type TestNetwork, testNetwork } from '../../../../support/identities.ts';
import { type Reply, refused, type ScriptedController, scriptedController, signedIn } from '../../../../support/ziti/controller-script.ts';

/** An identity file in a folder of its own, and a controller that renews its certificate as a real one does, or as a test tells it. */
export class RenewingSite implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-renewal-'));
  readonly path = join(this.folder, 'gw1.json');
  readonly network: TestNetwork;
  readonly script: ScriptedController;
  extendable = true;
  /** What is certified instead of what was asked for. */
  certified: (csr: x509.Pkcs10CertificateRequest) => Promise<string> = (csr) => this.certify(csr);
  /** In place of the answer, once; the deed is done before. */
  extendReply: Reply | undefined;
  verifyReply: Reply | undefined;
  /** In place of deed and answer, every time. */
  refuseExtend: Reply | undefined;
  refuseVerify: Reply | undefined;
  /** Keys that were certified, as SHA-256 of nothing but themselves. */
  readonly keys: string[] = [];
  #inForce = '';
  #waiting: string | undefined;
  #sessions = 0;

  /** `validity` of the first certificate: a year from now unless told; `controllerValidity` of the controller's. */
  static async start(validity?: Validity, controllerValidity?: Validity): Promise<RenewingSite> {
    const network = await testNetwork();
    const certificate = await network.ca.certifyServer({
      commonName: 'controller',
      ...(controllerValidity && { validity: controllerValidity }),
    });
    const site = new RenewingSite(network, await scriptedController({ network, certificate }));
    const controller = `https://127.0.0.1:${site.script.port}`;
    const file = await network.ca.issueIdentity({ id: 'gw1', name: 'Gateway 1', controller, ...(validity && { validity }) });
    writeFileSync(site.path, JSON.stringify({ ...file, enableHa: true }), { mode: 0o600 });
    site.#inForce = fingerprintOf(loadIdentity(site.path).certPem);
    return site;
  }

  private constructor(network: TestNetwork, script: ScriptedController) {
    this.network = network;
    this.script = script;
    script.on(({ path, fingerprint }) => {
      if (path !== '/authenticate?method=cert') return undefined;
      this.#sessions += 1;
      if (fingerprint !== this.#inForce) return refused(401, 'INVALID_AUTH');
      return signedIn({ id: `session-${this.#sessions}`, token: `token-${this.#sessions}` });
    });
    script.on(({ method, path }) =>
      method === 'GET' && path === '/current-api-session'
        ? {
            status: 200,
            body: { data: { authenticatorId: 'auth1', isCertExtendable: this.extendable, expirationSeconds: 1800 }, meta: {} },
          }
        : undefined,
    );
    script.on(async ({ path, body }) => {
      if (path !== '/current-identity/authenticators/auth1/extend') return undefined;
      if (this.refuseExtend) return this.refuseExtend;
      const csr = new x509.Pkcs10CertificateRequest((body as { clientCertCsr: string }).clientCertCsr);
      this.keys.push(Buffer.from(csr.publicKey.rawData).toString('base64'));
      const clientCert = await this.certified(csr);
      this.#waiting = fingerprintOf(clientCert);
      const given = this.extendReply ?? { status: 200, body: { data: { ca: network.caPem, clientCert }, meta: {} } };
      this.extendReply = undefined;
      return given;
    });
    script.on(({ path, body }) => {
      if (path !== '/current-identity/authenticators/auth1/extend-verify') return undefined;
      if (this.refuseVerify) return this.refuseVerify;
      if (this.#waiting === undefined) return refused(409, 'CAN_NOT_UPDATE_AUTHENTICATOR');
      if (fingerprintOf((body as { clientCert: string }).clientCert) !== this.#waiting) return refused(400, 'INVALID_CLIENT_CERT');
      this.#inForce = this.#waiting;
      this.#waiting = undefined;
      const given = this.verifyReply ?? { status: 200, body: { data: {}, meta: {} } };
      this.verifyReply = undefined;
      return given;
    });
  }

  /** What a real controller would answer. */
  async certify(csr: x509.Pkcs10CertificateRequest, request: Partial<CertificateRequest> = {}): Promise<string> {
    const key = createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' });
    const cryptoKey = key.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['verify']);
    return await this.network.ca.certify(cryptoKey, { id: 'gw1', name: 'Gateway 1', ...request });
  }

  /** Somebody else extends the same certificate. */
  async extendElsewhere(): Promise<void> {
    this.#waiting = 'of somebody else';
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }

  /** What was posted, without the sign-ins. */
  get posted(): string[] {
    return this.script.asked
      .filter(({ method, path }) => method === 'POST' && !path.startsWith('/authenticate'))
      .map(({ path }) => path.split('/').at(-1) ?? '');
  }

  /** The pair in the file is the one that signs in. */
  get fileSignsIn(): boolean {
    return fingerprintOf(loadIdentity(this.path).certPem) === this.#inForce;
  }

  /** A process that has just started. */
  begin(): Process {
    return new Process(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.script[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a process has in its hands that renews an identity. */
export class Process implements AsyncDisposable {
  readonly files: IdentityFiles;
  readonly held: HeldIdentity;
  readonly controller: CertificateController;
  readonly steps: RenewalStep[] = [];
  readonly #lock: Disposable;

  constructor(path: string) {
    this.files = new IdentityFiles(path);
    this.#lock = this.files.lock();
    this.held = this.files.open(silentLogger);
    this.controller = openController({ identity: this.held, limits: { signOutTimeoutMs: 50 } });
  }

  renew(now: () => number = Date.now): Promise<Renewed> {
    const { files, held, controller } = this;
    return renewIdentity({ files, held, controller, now }, { onStep: (step) => void this.steps.push(step) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock[Symbol.dispose]();
    await this.controller[Symbol.asyncDispose]();
  }
}

export function fingerprintOf(pem: string): string {
  const { fingerprint256 } = new X509Certificate(pem);
  assert.ok(fingerprint256);
  return fingerprint256;
}

/** The connection is cut in place of an answer. */
export const LOST: Reply = (response) => void response.socket?.destroy();
