import sodium, { type StateAddress } from 'libsodium-wrappers';
import type { StreamState } from './stream-state.ts';

/** What the wrappers hand out beside their functions, and do not declare: the memory in which libsodium works. */
interface SodiumMemory {
  libsodium: { readonly HEAPU8: Uint8Array; _malloc(bytes: number): number };
}

/** `crypto_secretstream_xchacha20poly1305_state`: key, nonce, 8 bytes unused. */
const STATE_BYTES = 52;

await sodium.ready;
const { libsodium } = sodium as unknown as SodiumMemory;
/** One for all streams: libsodium's own function would take a new one for each, which nothing ever gives back. */
const address = libsodium._malloc(STATE_BYTES);

/** `crypto_secretstream_xchacha20poly1305_push`, tag 0, no additional data. The state given is not moved on. */
export function push(state: StreamState, plain: Uint8Array): Uint8Array {
  return sodium.crypto_secretstream_xchacha20poly1305_push(load(state), plain, null, 0);
}

/** `crypto_secretstream_xchacha20poly1305_pull`, no additional data. The state given is not moved on. */
export function pull(state: StreamState, sealed: Uint8Array): { message: Uint8Array; tag: number } | undefined {
  return sodium.crypto_secretstream_xchacha20poly1305_pull(load(state), sealed, null) || undefined;
}

function load(state: StreamState): StateAddress {
  // The memory may have grown, and so be another one, since the last time.
  libsodium.HEAPU8.set(state.bytes, address);
  // It is a number; the declaration says otherwise.
  return address as unknown as StateAddress;
}
