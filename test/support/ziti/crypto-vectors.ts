import { readFileSync } from 'node:fs';

export interface VectorMessage {
  Plain: string;
  Cipher: string;
}

/** One connection's key agreement and messages, both ways, as the Go implementation made them; everything hex. */
export interface CryptoVectors {
  ClientSecret: string;
  ClientPublic: string;
  ServerSecret: string;
  ServerPublic: string;
  ClientRx: string;
  ClientTx: string;
  ServerRx: string;
  ServerTx: string;
  C2SHeader: string;
  C2S: VectorMessage[];
  S2CHeader: string;
  S2C: VectorMessage[];
}

export function goldenVectors(): CryptoVectors {
  return JSON.parse(readFileSync(new URL('../../golden/overlay/crypto-vectors.json', import.meta.url), 'utf8')) as CryptoVectors;
}
