import { KeyObject } from 'node:crypto';
import { type Certified, certify, days, is, pemOf } from './forged.ts';

/** Certificates of an authority of a test, as PEM. */
export class TestAuthority {
  readonly #root: Certified;

  private constructor(root: Certified) {
    this.#root = root;
  }

  static async make(): Promise<TestAuthority> {
    return new TestAuthority(await certify({ subject: 'test authority', extensions: [is.ca(), is.signer()] }));
  }

  get pem(): string {
    return pemOf([this.#root]);
  }

  /** A certificate for a host name, good for `days` from yesterday on, and its key. */
  async issue(name: string, { lastDay = 30 } = {}): Promise<{ cert: string; key: string }> {
    const leaf = await certify({
      issuer: this.#root,
      subject: name,
      extensions: [is.key(), is.named({ type: 'dns', value: name })],
      notBefore: days(-20),
      notAfter: days(lastDay),
    });
    return { cert: pemOf([leaf]), key: KeyObject.from(leaf.keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString() };
  }
}
