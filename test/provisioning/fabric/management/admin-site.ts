import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FabricOptions } from '../../../../provisioning/fabric/fabric.ts';
import { type CallOptions, FabricSite, type Reply } from '../site.ts';

export const MANAGEMENT = '/edge/management/v1';

/** An embedded network with its administrator signed in. */
export class AdminSite implements AsyncDisposable {
  readonly site: FabricSite;
  headers: Record<string, string> = {};

  static async start(options: Partial<FabricOptions> = {}): Promise<AdminSite> {
    const admin = new AdminSite(await FabricSite.start(options));
    await admin.signIn();
    return admin;
  }

  constructor(site: FabricSite) {
    this.site = site;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.site[Symbol.asyncDispose]();
  }

  get credentials(): { username: string; password: string } {
    return JSON.parse(readFileSync(join(this.site.home, 'management-admin.json'), 'utf8'));
  }

  async signIn(): Promise<void> {
    const { status, json } = await this.authenticate(this.credentials);
    assert.equal(status, 200);
    this.headers = { 'zt-session': json.data.token };
  }

  authenticate(body: object): Promise<Reply> {
    return this.site.call('POST', `${MANAGEMENT}/authenticate?method=password`, { absolute: true, body });
  }

  /** One call below the base of the management API. */
  call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    return this.site.call(method, `${MANAGEMENT}${path}`, { ...options, absolute: true, headers: { ...this.headers, ...options.headers } });
  }

  /** Creates something and gives its id. */
  async create(path: string, body: object): Promise<string> {
    const { status, json, text } = await this.call('POST', path, { body });
    assert.equal(status, 201, text);
    return json.data.id;
  }

  /** The entity as it is now. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies at will.
  async get(path: string): Promise<any> {
    const { status, json, text } = await this.call('GET', path);
    assert.equal(status, 200, text);
    return json.data;
  }
}
