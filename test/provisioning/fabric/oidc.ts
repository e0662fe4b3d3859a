import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { CallOptions, Enrolled, FabricSite, Reply } from './site.ts';

export const CALLBACK = 'http://localhost:8080/auth/callback';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Sign-in by OIDC at an embedded network, step by step, as any client could do it; nothing of ours is used. */
export class OidcClient {
  readonly #site: FabricSite;
  readonly certificate: Enrolled | undefined;
  readonly verifier = randomBytes(32).toString('base64url');

  constructor(site: FabricSite, certificate?: Enrolled) {
    this.#site = site;
    this.certificate = certificate;
  }

  get(path: string, options: CallOptions = {}): Promise<Reply> {
    return this.#site.call('GET', path, { absolute: true, ...(this.certificate && { certificate: this.certificate }), ...options });
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> {
    const body = new URLSearchParams(form).toString();
    return this.#site.call('POST', path, {
      ...{ absolute: true, body, headers: { ...FORM, ...headers } },
      ...(this.certificate && { certificate: this.certificate }),
    });
  }

  question(over: Record<string, string> = {}): Record<string, string> {
    return {
      client_id: 'native',
      response_type: 'code',
      scope: 'openid offline_access',
      redirect_uri: CALLBACK,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: 'a state',
      nonce: 'a nonce',
      ...over,
    };
  }

  authorize(over: Record<string, string> = {}): Promise<Reply> {
    return this.get(`/oidc/authorize?${new URLSearchParams(this.question(over))}`);
  }

  /** The request of an `authorize` that went well. */
  async requestId(): Promise<string> {
    const { status, headers } = await this.authorize();
    assert.equal(status, 302);
    return new URL(headers.location ?? '', 'https://x').searchParams.get('authRequestID') ?? '';
  }

  logIn(id: string): Promise<Reply> {
    return this.post('/oidc/login/cert', { id });
  }

  /** The code of the first three steps. */
  async code(): Promise<string> {
    const id = await this.requestId();
    const { status, headers, text } = await this.logIn(id);
    assert.equal(status, 302, text);
    const { pathname, search } = new URL(headers.location ?? '');
    return new URL((await this.get(pathname + search)).headers.location ?? '').searchParams.get('code') ?? '';
  }

  spend(code: string, over: Record<string, string> = {}): Promise<Reply> {
    const form = { grant_type: 'authorization_code', client_id: 'native', code, code_verifier: this.verifier, redirect_uri: CALLBACK };
    return this.post('/oidc/oauth/token', { ...form, ...over });
  }

  refresh(refreshToken: string): Promise<Reply> {
    return this.post('/oidc/oauth/token', { grant_type: 'refresh_token', client_id: 'native', refresh_token: refreshToken });
  }

  async tokens(): Promise<{ access: string; refresh: string; id: string; expiresIn: number }> {
    const { status, json, text } = await this.spend(await this.code());
    assert.equal(status, 200, text);
    return { access: json.access_token, refresh: json.refresh_token, id: json.id_token, expiresIn: json.expires_in };
  }

  /** A call of the API with an access token. */
  call(method: string, path: string, token: string, options: CallOptions = {}): Promise<Reply> {
    return this.#site.call(method, path, {
      headers: { authorization: `Bearer ${token}` },
      ...(this.certificate && { certificate: this.certificate }),
      ...options,
    });
  }
}
