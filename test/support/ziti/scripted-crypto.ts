import sodium, { type StateAddress } from 'libsodium-wrappers';

await sodium.ready;

/** One end of an encrypted connection, by libsodium alone, so that nothing of ours judges itself. */
export class ScriptedCrypto {
  readonly publicKey: Uint8Array;
  readonly #privateKey: Uint8Array;
  #keys: { rx: Uint8Array; tx: Uint8Array } | undefined;
  #push: StateAddress | undefined;
  #pull: StateAddress | undefined;

  constructor() {
    const { publicKey, privateKey } = sodium.crypto_kx_keypair();
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  /** With whom, and in which part: the dialer is the client. */
  agree(part: 'client' | 'server', peerPublic: Uint8Array): void {
    const agree = part === 'client' ? sodium.crypto_kx_client_session_keys : sodium.crypto_kx_server_session_keys;
    const { sharedRx, sharedTx } = agree(this.publicKey, this.#privateKey, peerPublic);
    this.#keys = { rx: sharedRx, tx: sharedTx };
  }

  /** The header with which this end begins to write. */
  header(): Buffer {
    const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(this.#agreed().tx);
    this.#push = state;
    return Buffer.from(header);
  }

  seal(plain: Buffer): Buffer {
    if (this.#push === undefined) throw new Error('a message is to be written before the stream header');
    return Buffer.from(sodium.crypto_secretstream_xchacha20poly1305_push(this.#push, plain, null, 0));
  }

  /** The other end's header first, then its messages; undefined for the header. Throws for what is neither. */
  open(body: Buffer): Buffer | undefined {
    if (this.#pull === undefined) {
      if (body.length !== sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES)
        throw new Error(`a stream header of ${body.length} bytes`);
      this.#pull = sodium.crypto_secretstream_xchacha20poly1305_init_pull(body, this.#agreed().rx);
      return undefined;
    }
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(this.#pull, body, null);
    if (!opened) throw new Error('the client sent a message that libsodium cannot open');
    if (opened.tag !== 0) throw new Error(`the client sent a message with tag ${opened.tag}`);
    return Buffer.from(opened.message);
  }

  #agreed(): { rx: Uint8Array; tx: Uint8Array } {
    if (!this.#keys) throw new Error('no keys were agreed on');
    return this.#keys;
  }
}
