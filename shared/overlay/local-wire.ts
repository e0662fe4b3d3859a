import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { z } from 'zod';
import type { Instant } from '../clock.ts';
import { isErrorCode, VitalmeshError } from '../errors.ts';
import { type VerifiedIdentity, verifyChain } from '../identity/chain.ts';
import { type Identity, readCertificates } from '../identity/identity.ts';

// What the switch of the local overlay and those who connect to it say to each other: JSON, one message a line. The switch greets
// with a nonce, the other side answers with one request, the switch replies. After an accepted `dial` or `accept` the bytes of the
// connection follow (framed-socket.ts); after `attach` the lines go on in both directions.

export const LOCAL_LIMITS = {
  /** Longest line of the opening, which holds a certificate chain. */
  openingLineBytes: 64 * 1024,
  /** Longest line after it; `services` is the largest. */
  controlLineBytes: 256 * 1024,
  /** For the whole opening of a connection. */
  openingMs: 5000,
  /** For a host to answer a dial, as in OpenZiti (openziti-wire.md §0.6). */
  hostAnswerMs: 5000,
} as const;

const CONTEXT = 'vitalmesh local overlay 1';
export const NONCE_BYTES = 32;

const base64 = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/);
const SERVICE = z.string().min(1).max(256);
const CIRCUIT = z.string().regex(/^[0-9a-f]{32}$/);
const NUMBER = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const PROOF = { chain: z.array(base64(8192)).min(1).max(8), signature: base64(2048) };

export const GREETING = z.object({ nonce: z.string().length(44) });

/** What a connection is for: held open for binding, one dial, or taking a dialled circuit. Only a circuit's token proves itself. */
export const OPENING = z.discriminatedUnion('op', [
  z.object({ op: z.literal('attach'), ...PROOF }),
  z.object({ op: z.literal('dial'), service: SERVICE, ...PROOF }),
  z.object({ op: z.literal('accept'), circuit: CIRCUIT }),
]);
export type Opening = z.infer<typeof OPENING>;

const FAILURE = { error: z.string().max(64), detail: z.string().max(256).optional() };
export const OPENING_REPLY = z.union([z.object({ ok: z.literal(true) }), z.object(FAILURE)]);

/** From an attached client. */
export const CLIENT_MESSAGE = z.discriminatedUnion('op', [
  z.object({ op: z.literal('bind'), id: NUMBER, service: SERVICE }),
  z.object({ op: z.literal('unbind'), id: NUMBER, binding: NUMBER }),
  z.object({ op: z.literal('services'), id: NUMBER }),
  z.object({ op: z.literal('refuse'), circuit: CIRCUIT }),
]);
export type ClientMessage = z.infer<typeof CLIENT_MESSAGE>;

const SERVICE_INFO = z.object({ name: SERVICE, permissions: z.array(z.enum(['Dial', 'Bind'])).readonly() });

/** To an attached client. `re` is the `id` of the request; the `id` of a `bind` request is from then on the binding's number. */
export const SWITCH_MESSAGE = z.union([
  z.object({ re: NUMBER, ok: z.literal(true), services: z.array(SERVICE_INFO).optional() }),
  z.object({ re: NUMBER, ...FAILURE }),
  z.object({
    op: z.literal('dial'),
    binding: NUMBER,
    circuit: CIRCUIT,
    caller: z.object({ identityId: z.string(), name: z.string().optional() }),
  }),
]);
export type SwitchMessage = z.infer<typeof SWITCH_MESSAGE>;

/** Reads a line as one of the messages of `schema`. Throws OVERLAY-PROTOCOL; the line itself is never quoted. */
export function parseLine<T>(schema: z.ZodType<T>, line: string): T {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'not JSON' });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'unknown message' });
  return parsed.data;
}

export function writeLine(socket: Socket, message: object): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** An error as it goes over the wire, and back. */
export function failureOf(error: VitalmeshError): { error: string; detail?: string } {
  return { error: error.code, ...(error.detail !== undefined && { detail: error.detail.slice(0, 256) }) };
}

export function errorOf({ error, detail }: { error: string; detail?: string | undefined }): VitalmeshError {
  const code = isErrorCode(error) && /^(?:OVERLAY|IDENTITY)-/.test(error) ? error : 'OVERLAY-PROTOCOL';
  return new VitalmeshError(code, detail === undefined ? {} : { detail });
}

/** Proves to the switch who asks: the certificate chain, and a signature over its nonce and the very request. */
export function proofOf(identity: Identity, nonce: string, request: string): { chain: string[]; signature: string } {
  const chain = readCertificates(identity.certPem, 'cert').map(({ raw }) => raw.toString('base64'));
  const signature = sign('sha256', signedBytes(nonce, request), createPrivateKey(identity.keyPem)).toString('base64');
  return { chain, signature };
}

export interface ProofCheck {
  trusted: readonly X509Certificate[];
  trustDomain: string;
  now: Instant;
}

/** Who made a proof. Throws IDENTITY-*; a signature that does not fit is IDENTITY-CHAIN. */
export function verifyProof(
  { chain, signature }: { chain: readonly string[]; signature: string },
  nonce: string,
  request: string,
  { trusted, ...options }: ProofCheck,
): VerifiedIdentity {
  const certificates = chain.map(certificateOf);
  const identity = verifyChain(certificates, trusted, options);
  const [leaf] = certificates;
  if (!leaf || !verify('sha256', signedBytes(nonce, request), leaf.publicKey, Buffer.from(signature, 'base64'))) {
    throw new VitalmeshError('IDENTITY-CHAIN', { detail: 'the key does not belong to the certificate' });
  }
  return identity;
}

/** A request as it is signed. */
export function requestText(request: { op: 'attach' } | { op: 'dial'; service: string }): string {
  return request.op === 'dial' ? `dial ${request.service}` : 'attach';
}

function signedBytes(nonce: string, request: string): Buffer {
  return Buffer.from([CONTEXT, nonce, request].join('\0'));
}

function certificateOf(der: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(der, 'base64'));
  } catch {
    throw new VitalmeshError('IDENTITY-CHAIN', { detail: 'a certificate cannot be read' });
  }
}
