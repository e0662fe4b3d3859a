import { VitalmeshError } from '../../../errors.ts';
import type { SecretReceiver, SecretSender, SessionKeys } from '../crypto/contract.ts';
import { secretReceiver, secretSender } from '../crypto/secretstream.ts';

/** Bytes of the stream header, which each side sends first, alone and in clear (openziti-wire.md §8). */
const STREAM_HEADER_BYTES = 24;

/** Both directions of an encrypted circuit. */
export class CircuitCipher {
  readonly sender: SecretSender;
  readonly #readKey: Buffer;
  #receiver: SecretReceiver | undefined;

  constructor(keys: SessionKeys) {
    this.sender = secretSender(keys.tx);
    this.#readKey = keys.rx;
  }

  /** Whether the stream header of the other side is still to come. */
  get awaitsHeader(): boolean {
    return this.#receiver === undefined;
  }

  /** Takes the first body of the other side. Throws OVERLAY-CRYPTO when it is not a stream header, and nothing else. */
  takeHeader(body: Buffer): void {
    if (body.length !== STREAM_HEADER_BYTES) {
      throw new VitalmeshError('OVERLAY-CRYPTO', { detail: `a first body of ${body.length} bytes is no stream header` });
    }
    this.#receiver = secretReceiver(this.#readKey, body);
  }

  /** The plain text of a body. Throws OVERLAY-CRYPTO. */
  open(body: Buffer): Buffer {
    if (!this.#receiver) throw new VitalmeshError('OVERLAY-CRYPTO', { detail: 'data before the stream header' });
    return this.#receiver.open(body);
  }
}
