import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import { freeWhole } from '../wire/bulk-memory.ts';
import type { SecretReceiver, SecretSender } from './contract.ts';
import { pull, push } from './sodium.ts';
import { initialState, MAC_BYTES, STREAM_HEADER_BYTES, type StreamState, TAG_BYTES } from './stream-state.ts';

/** What encryption adds to a message: the encrypted tag in front, the MAC behind. */
export const OVERHEAD_BYTES = TAG_BYTES + MAC_BYTES;

/** The block that stands in front of each message for its tag, encrypted with it and only its first byte sent. */
const TAG_BLOCK_BYTES = 64;
/** Tag MESSAGE is 0, so the block is all zeros. */
const MESSAGE_BLOCK = Buffer.alloc(TAG_BLOCK_BYTES);

/** Below this, setting OpenSSL's cipher up takes longer than libsodium takes for the whole message (measured: 1.5 to 3 KiB). */
export const NATIVE_FROM_BYTES = 2048;

/** Begins the direction in which this side writes. `key` is `SessionKeys.tx`. Throws OVERLAY-CRYPTO when it is not 32 bytes long. */
export function secretSender(key: Buffer): SecretSender {
  const header = randomBytes(STREAM_HEADER_BYTES);
  return senderFrom(initialState(key, header), header);
}

/** Begins the direction in which this side reads. `key` is `SessionKeys.rx`, `header` the peer's 24 bytes. Throws OVERLAY-CRYPTO when either has another length. */
export function secretReceiver(key: Buffer, header: Uint8Array): SecretReceiver {
  return receiverFrom(initialState(key, header));
}

/** A sender in the middle of a stream. */
export function senderFrom(state: StreamState, header: Buffer): SecretSender {
  return {
    header,
    overheadBytes: OVERHEAD_BYTES,
    seal(plain, target, offset) {
      state.assertNotExhausted();
      if (isNative(plain.length)) sealNative(state, plain, target, offset);
      else target.set(push(state, plain), offset);
      const macOffset = offset + TAG_BYTES + plain.length;
      state.advance(target.subarray(macOffset, macOffset + MAC_BYTES));
    },
  };
}

/**
 * A receiver in the middle of a stream. Only messages with tag 0 are taken: PUSH, REKEY and FINAL mean nothing in OpenZiti, no SDK sends
 * them, and behind REKEY the Go implementation and libsodium would go on with different keys (openziti-wire.md §8).
 */
export function receiverFrom(state: StreamState): SecretReceiver {
  let failed = false;
  return {
    open(sealed) {
      if (failed) throw broken('the stream has failed before');
      try {
        state.assertNotExhausted();
        if (sealed.length < OVERHEAD_BYTES) throw broken(`a message of ${sealed.length} bytes`);
        const plain = isNative(sealed.length - OVERHEAD_BYTES) ? openNative(state, sealed) : openSmall(state, sealed);
        state.advance(sealed.subarray(sealed.length - MAC_BYTES));
        return plain;
      } catch (error) {
        failed = true;
        throw asVitalmeshError(error, 'OVERLAY-CRYPTO');
      }
    },
  };
}

/**
 * Whether a message is plain IETF ChaCha20-Poly1305 over tag block and message. libsodium pads the MAC's input by the message's length modulo
 * 16 instead of what is missing to 16, and only for multiples of 8 are the two the same (openziti-wire.md §10.4).
 */
function isNative(length: number): boolean {
  return length >= NATIVE_FROM_BYTES && length % 8 === 0;
}

function sealNative(state: StreamState, plain: Uint8Array, target: Buffer, offset: number): void {
  const cipher = createCipheriv('chacha20-poly1305', state.key, state.nonce, { authTagLength: MAC_BYTES });
  target[offset] = cipher.update(MESSAGE_BLOCK)[0] ?? 0;
  const sealed = cipher.update(plain);
  target.set(sealed, offset + TAG_BYTES);
  freeWhole(sealed);
  cipher.final();
  target.set(cipher.getAuthTag(), offset + TAG_BYTES + plain.length);
}

function openNative(state: StreamState, sealed: Buffer): Buffer {
  const block = firstBlock(state);
  const tag = (sealed[0] ?? 0) ^ (block[0] ?? 0);
  block[0] = sealed[0] ?? 0;
  const decipher = createDecipheriv('chacha20-poly1305', state.key, state.nonce, { authTagLength: MAC_BYTES });
  const macOffset = sealed.length - MAC_BYTES;
  decipher.setAuthTag(sealed.subarray(macOffset));
  decipher.update(block);
  const plain = decipher.update(sealed.subarray(TAG_BYTES, macOffset));
  try {
    decipher.final();
  } catch (cause) {
    throw broken('a message is not authentic', cause);
  }
  return checked(plain, tag);
}

/** The encrypted tag block of a message as its sender had it, but for the tag: the key stream from block 1 on. */
function firstBlock(state: StreamState): Buffer {
  const counter = Buffer.of(1, 0, 0, 0);
  return createCipheriv('chacha20', state.key, Buffer.concat([counter, state.nonce])).update(MESSAGE_BLOCK);
}

function openSmall(state: StreamState, sealed: Buffer): Buffer {
  const opened = pull(state, sealed);
  if (!opened) throw broken('a message is not authentic');
  const { message, tag } = opened;
  return checked(Buffer.from(message.buffer, message.byteOffset, message.length), tag);
}

/** To be called only with a message that was found authentic. */
function checked(plain: Buffer, tag: number): Buffer {
  if (tag !== 0) throw broken(`a message with tag ${tag}`);
  return plain;
}

function broken(detail: string, cause?: unknown): VitalmeshError {
  return new VitalmeshError('OVERLAY-CRYPTO', { cause, detail });
}
