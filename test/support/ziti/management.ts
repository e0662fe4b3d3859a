import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ADMIN_FILE } from '../../../provisioning/fabric/home.ts';

/** What tests read of an entity of the management API. */
export interface Entity {
  id: string;
  name: string;
  type: string;
  identityId: string;
  roleAttributes: string[] | null;
  terminatorStrategy: string;
}

/** The administrator of an embedded network, at its management API. */
export class Management {
  readonly #origin: string;
  readonly #ca: string;
  #token = '';

  private constructor(origin: string, ca: string) {
    this.#origin = origin;
    this.#ca = ca;
  }

  static async signIn(home: string, { controllerUrl, caPem }: { controllerUrl: string; caPem: string }): Promise<Management> {
    const management = new Management(new URL(controllerUrl).origin, caPem);
    const { token } = await management.#call<{ token: string }>(
      'POST',
      '/authenticate?method=password',
      JSON.parse(readFileSync(join(home, ADMIN_FILE), 'utf8')),
    );
    management.#token = token;
    return management;
  }

  /** Every entity of a kind: `sessions`, `api-sessions`, `services`, `identities`. */
  list(kind: string): Promise<Entity[]> {
    return this.#call('GET', `/${kind}?limit=-1`);
  }

  async remove(kind: string, id: string): Promise<void> {
    await this.#call('DELETE', `/${kind}/${id}`);
  }

  /** Ends every session of a kind that an identity has; how many there were. */
  async endSessions(kind: 'sessions' | 'api-sessions', identityId: string): Promise<number> {
    const own = (await this.list(kind)).filter((session) => session.identityId === identityId);
    for (const { id } of own) await this.remove(kind, id);
    return own.length;
  }

  async setAttributes(identityId: string, roleAttributes: readonly string[]): Promise<void> {
    await this.#call('PATCH', `/identities/${identityId}`, { roleAttributes });
  }

  /** By PUT, which alone changes it (openziti-network.md §1.10). */
  async setEncryption(serviceName: string, encryptionRequired: boolean): Promise<void> {
    const service = (await this.list('services')).find(({ name }) => name === serviceName);
    const { id, name, roleAttributes, terminatorStrategy } = service ?? assert.fail(serviceName);
    await this.#call('PUT', `/services/${id}`, { name, encryptionRequired, roleAttributes, terminatorStrategy });
  }

  async #call<T = unknown>(method: string, path: string, body?: object): Promise<T> {
    const headers = { 'content-type': 'application/json', ...(this.#token && { 'zt-session': this.#token }) };
    const asked = request(`${this.#origin}/edge/management/v1${path}`, { method, headers, ca: this.#ca });
    asked.end(body && JSON.stringify(body));
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      asked.once('response', resolve);
      asked.once('error', reject);
    });
    const answer = await text(response);
    assert.ok([200, 201].includes(response.statusCode ?? 0), `${method} ${path}: ${response.statusCode} ${answer}`);
    return JSON.parse(answer).data as T;
  }
}
