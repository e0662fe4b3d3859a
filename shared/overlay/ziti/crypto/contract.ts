/** One side's key pair for a connection's key agreement (X25519, raw 32 bytes each). */
export interface KeyPair {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

/** Keys of one connection, 32 bytes each: what this side reads with and writes with. */
export interface SessionKeys {
  readonly rx: Buffer;
  readonly tx: Buffer;
}

/** Encrypts one direction of a connection (crypto_secretstream_xchacha20poly1305, tag 0, no additional data; openziti-wire.md §8). */
export interface SecretSender {
  /** 24 bytes; the first Data body of the direction, alone and in clear. */
  readonly header: Buffer;
  /** Bytes that encryption adds to each message. */
  readonly overheadBytes: number;
  /**
   * One message. Writes `plain.length + overheadBytes` bytes to `target` from `offset` on. Throws OVERLAY-CRYPTO when the
   * counter would wrap: the connection ends there (libsodium rekeys then, Go never does).
   */
  seal(plain: Uint8Array, target: Buffer, offset: number): void;
}

/** Decrypts one direction. */
export interface SecretReceiver {
  /** The plain text of one message, whole. Throws OVERLAY-CRYPTO for anything that is not the next message of this very stream; final. */
  open(sealed: Buffer): Buffer;
}
