import { randomBytes } from 'node:crypto';
import type { OutgoingFrame, OutgoingHeaders } from '../../../shared/overlay/ziti/wire/encode.ts';
import { CONTENT, EDGE_ERROR, HEADER, RETRY_HINT } from '../../../shared/overlay/ziti/wire/ids.ts';

/** An error as header 1014 and 1033 carry it; SDKs decide by code and hint what to do next. */
export interface StructuredError {
  /** The body's text. */
  text: string;
  message: string;
  code: number;
  retryHint: number;
}

export const BIND_ACCESS_LOST: StructuredError = {
  text: 'bind access lost',
  message: 'bind access lost',
  code: EDGE_ERROR.accessDenied,
  retryHint: RETRY_HINT.startOver,
};

export const BIND_SESSION_ENDED: StructuredError = {
  text: 'session ended',
  message: 'service session removed',
  code: EDGE_ERROR.invalidSession,
  retryHint: RETRY_HINT.startOver,
};

export const NEWER_TERMINATOR: StructuredError = {
  text: 'found a newer terminator for listener id',
  message: 'newer terminator found for listener id',
  code: EDGE_ERROR.internal,
  retryHint: RETRY_HINT.default,
};

export const FOREIGN_API_SESSION: StructuredError = {
  text: 'code: 2, message: invalid token, API session id does not match',
  message: 'invalid token, API session id does not match',
  code: EDGE_ERROR.invalidApiSession,
  retryHint: RETRY_HINT.default,
};

/** Of a token that nobody issued, or that has run out; the real one's words for it were not observed. */
export const UNKNOWN_TOKEN: StructuredError = {
  text: 'code: 2, message: invalid token',
  message: 'invalid token',
  code: EDGE_ERROR.invalidApiSession,
  retryHint: RETRY_HINT.default,
};

/** What both sides of a circuit read when the other one is gone, whatever it said itself (openziti-wire.md §0.5). */
export const CLOSE_CALLED = 'close called';

/** Why the answer of a host that may host no longer counts no more. */
export const LISTENER_CLOSED = 'listener closed';

/** Texts with which a Connect is refused (openziti-wire.md §6). */
export const REFUSED = {
  noConnId: 'connId not set, required',
  noPolicies: 'no policies provide access',
  noPublicKey: 'encryption required on service, initiator did not send public header',
  tooManyConnections: 'too many connections on this channel',
  tooManyBinds: 'too many binds of this identity',
  connIdInUse: (connId: number) => `sink id ${connId} already in use`,
  noTerminators: (serviceId: string, instanceId: string | undefined) =>
    `service ${serviceId} has no terminators${instanceId === undefined ? '' : ` for instanceId ${instanceId}`}`,
  noOnlineTerminators: (serviceId: string, instanceId = '') =>
    `service ${serviceId} has no online terminators for instanceId ${instanceId}`,
  noAnswer: 'timeout waiting for message reply: context deadline exceeded',
  noRoute: (from: string, to: string) => `can't route from ${from} -> ${to}`,
  hostRefused: (terminatorId: string, text: string) =>
    `failed to establish connection with terminator address ${terminatorId}. error: (${text})`,
  attemptsExhausted: (attempts: number, circuitId: string, routerId: string, reason: string) =>
    `exceeded maximum [${attempts}] retries creating circuit [c/${circuitId}] ` +
    `(error creating route for [s/${circuitId}] on [r/${routerId}] (error creating route for [c/${circuitId}]: ${reason}))`,
} as const;

/** Tells a connection's owner that it is over, unasked. */
export function stateClosed(connId: number, text: string): OutgoingFrame {
  return {
    type: CONTENT.stateClosed,
    headers: shuffled([
      [HEADER.connId, connId],
      [HEADER.seq, 1],
    ]),
    body: Buffer.from(text),
  };
}

/** The same with what an SDK needs to decide what comes next. */
export function stateClosedBy(connId: number, { text, message, code, retryHint }: StructuredError): OutgoingFrame {
  return {
    type: CONTENT.stateClosed,
    headers: shuffled([
      [HEADER.connId, connId],
      [HEADER.errorCode, code],
      [HEADER.structuredError, JSON.stringify({ message, code, cause: null, retryHint })],
    ]),
    body: Buffer.from(text),
  };
}

/** Go writes a map's entries in random order, and so do we: a client that relies on an order shall fail here. */
export function shuffled(headers: OutgoingHeaders): OutgoingHeaders {
  return headers
    .map((header) => ({ header, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ header }) => header);
}

const ID_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** An id in the form of circuits, terminators (22 characters) and connections (4). */
export function newId(length: number): string {
  return Array.from(randomBytes(length), (byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join('');
}

/** What is kept must not hold on to the chunk that it came in. */
export function copyOf(value: Buffer | undefined): Buffer | undefined {
  return value && Buffer.from(value);
}
