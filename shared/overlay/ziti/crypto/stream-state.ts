import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { VitalmeshError } from '../../../errors.ts';
import { KEY_BYTES } from './kx.ts';

export const STREAM_HEADER_BYTES = 24;
export const TAG_BYTES = 1;
export const MAC_BYTES = 16;

const HCHACHA_NONCE_BYTES = 16;
const COUNTER_BYTES = 4;
const INONCE_BYTES = 8;
const NONCE_BYTES = COUNTER_BYTES + INONCE_BYTES;
const LAST_COUNTER = 0xffff_ffff;
/** "expand 32-byte k", which every ChaCha20 block begins with (RFC 8439 §2.3). */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/**
 * Where one direction of a secretstream stands: key, and the nonce of its next message (counter, little-endian, then what all MACs so
 * far have made of the header's last 8 bytes). Laid out as libsodium lays out its own.
 */
export class StreamState {
  readonly bytes: Buffer;
  #keyObject: KeyObject | undefined;

  constructor(key: Uint8Array, inonce: Uint8Array, counter = 1) {
    this.bytes = Buffer.alloc(KEY_BYTES + NONCE_BYTES);
    this.bytes.set(key);
    this.bytes.writeUInt32LE(counter, KEY_BYTES);
    this.bytes.set(inonce, KEY_BYTES + COUNTER_BYTES);
  }

  /** Made when first needed: most connections only ever send small messages, which do without. */
  get key(): KeyObject {
    this.#keyObject ??= createSecretKey(this.bytes.subarray(0, KEY_BYTES));
    return this.#keyObject;
  }

  /** Nonce of the next message (RFC 8439), a view. */
  get nonce(): Buffer {
    return this.bytes.subarray(KEY_BYTES);
  }

  /**
   * To be asked before each message. Throws OVERLAY-CRYPTO for the one behind which the counter would begin anew: libsodium changes
   * its key there and Go does not, so the two ends would part, or worse, use a nonce twice.
   */
  assertNotExhausted(): void {
    if (this.bytes.readUInt32LE(KEY_BYTES) === LAST_COUNTER) {
      throw new VitalmeshError('OVERLAY-CRYPTO', { detail: 'the message counter is used up' });
    }
  }

  /** Moves on to the next message, behind the one with this MAC. */
  advance(mac: Uint8Array): void {
    const { nonce } = this;
    nonce.writeUInt32LE(nonce.readUInt32LE() + 1);
    for (let i = 0; i < INONCE_BYTES; i++) nonce[COUNTER_BYTES + i] = (nonce[COUNTER_BYTES + i] ?? 0) ^ (mac[i] ?? 0);
  }
}

/** The state that a key and a stream header begin with (`crypto_secretstream_xchacha20poly1305_init_pull`). Throws OVERLAY-CRYPTO for wrong lengths. */
export function initialState(key: Uint8Array, header: Uint8Array): StreamState {
  if (key.length !== KEY_BYTES) throw new VitalmeshError('OVERLAY-CRYPTO', { detail: `a stream key of ${key.length} bytes` });
  if (header.length !== STREAM_HEADER_BYTES)
    throw new VitalmeshError('OVERLAY-CRYPTO', { detail: `a stream header of ${header.length} bytes` });
  return new StreamState(hchacha20(key, header.subarray(0, HCHACHA_NONCE_BYTES)), header.subarray(HCHACHA_NONCE_BYTES));
}

/**
 * HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.2): the first and last four words of a ChaCha20 block before its input is added. OpenSSL
 * gives the block after that, so the input is taken off again.
 */
function hchacha20(key: Uint8Array, nonce: Uint8Array): Buffer {
  const block = createCipheriv('chacha20', key, nonce).update(Buffer.alloc(64));
  const input = Buffer.from(nonce);
  const derived = Buffer.alloc(KEY_BYTES);
  for (let word = 0; word < 4; word++) {
    derived.writeInt32LE((block.readInt32LE(4 * word) - (SIGMA[word] ?? 0)) | 0, 4 * word);
    derived.writeInt32LE((block.readInt32LE(48 + 4 * word) - input.readInt32LE(4 * word)) | 0, 16 + 4 * word);
  }
  return derived;
}
