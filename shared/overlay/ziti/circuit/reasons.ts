import { z } from 'zod';
import { type ErrorCode, type ErrorOptionsWithDetail, VitalmeshError } from '../../../errors.ts';
import { quotable, routerText } from '../channel/router-text.ts';
import { type Frame, u32 } from '../wire/frame.ts';
import { EDGE_ERROR, HEADER, RETRY_HINT } from '../wire/ids.ts';

/**
 * How soon a router wants to be asked for the same again. `default`: as the code says. `busy`: by a longer pause, another router at once.
 * `start-over`: with services and session asked for anew. `not-again`: only when something has changed.
 */
export type Retry = 'default' | 'busy' | 'start-over' | 'not-again';

/** A router's refusal, with its hint. What it does not want to be asked again is not retryable, whatever the table says of the code. */
export class Refusal extends VitalmeshError {
  readonly retry: Retry;

  constructor(code: ErrorCode, retry: Retry, options: ErrorOptionsWithDetail) {
    super(code, options);
    this.retry = retry;
  }

  override get retryable(): boolean {
    return this.retry !== 'not-again' && super.retryable;
  }
}

/** What a router hinted with this error; `default` for everything that no router said. */
export function retryOf(error: unknown): Retry {
  return error instanceof Refusal ? error.retry : 'default';
}

const BY_HINT: Readonly<Record<number, Retry>> = {
  [RETRY_HINT.tooBusy]: 'busy',
  [RETRY_HINT.startOver]: 'start-over',
  [RETRY_HINT.notRetriable]: 'not-again',
};

/** Codes of header 1014 and of header 1033 that say more than the text; the others mean what the text says. */
const BY_EDGE_ERROR: Readonly<Record<number, ErrorCode>> = {
  [EDGE_ERROR.invalidApiSession]: 'OVERLAY-SESSION',
  [EDGE_ERROR.invalidSession]: 'OVERLAY-SESSION',
  [EDGE_ERROR.wrongSessionType]: 'OVERLAY-SESSION',
  [EDGE_ERROR.invalidEdgeRouterForSession]: 'OVERLAY-SESSION',
  [EDGE_ERROR.invalidApiSessionType]: 'OVERLAY-SESSION',
  [EDGE_ERROR.invalidService]: 'OVERLAY-NO-SERVICE',
  [EDGE_ERROR.invalidTerminator]: 'OVERLAY-NO-TERMINATOR',
  [EDGE_ERROR.invalidInstanceId]: 'OVERLAY-NO-TERMINATOR',
  [EDGE_ERROR.encryptionDataMissing]: 'OVERLAY-PROTOCOL',
  [EDGE_ERROR.accessDenied]: 'OVERLAY-DENIED',
  [EDGE_ERROR.postureCheckFailed]: 'OVERLAY-DENIED',
};

/**
 * What routers 2.0.3 say (openziti-wire.md §6, §7; openziti-network.md §3, §4), first match first. The failed creation of a circuit comes
 * before all others, because it quotes what the host said, and that may be anything.
 */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^exceeded maximum \[\d+\] retries/, 'OVERLAY-UNREACHABLE'],
  [/has no (online )?terminators/, 'OVERLAY-NO-TERMINATOR'],
  [/^service not found/, 'OVERLAY-NO-SERVICE'],
  [/^no policies provide access|^\d+ policies failed|^(dial|bind) access lost|posture/, 'OVERLAY-DENIED'],
  // The controller knows better what became of an identity; a new session makes it say so.
  [/^identity not found/, 'OVERLAY-SESSION'],
  [/invalid session|^session (closed|ended)|service session removed/i, 'OVERLAY-SESSION'],
  [/service token|^token is malformed|^token is invalid|^token is expired/, 'OVERLAY-SESSION'],
  [/^encryption required/, 'OVERLAY-PROTOCOL'],
  [/^connId not set|^sink id \d+ already in use/, 'OVERLAY-PROTOCOL'],
  [/^found a newer terminator/, 'OVERLAY-CLOSED'],
];

/** How a router says that the other end, or the way to it, is gone; no reason of its own. */
const CLOSE_CALLED = 'close called';

/** Longer ones are not read: the real ones have about a hundred. */
const MAX_STRUCTURED_BYTES = 16 * 1024;

/** Each field that is not as it should be counts as missing; the others stay good. */
const structuredErrorSchema = z.object({
  message: z.string().optional().catch(undefined),
  code: z.number().optional().catch(undefined),
  retryHint: z.number().optional().catch(undefined),
});

/**
 * What a StateClosed means for a dial or a bind: OVERLAY-NO-TERMINATOR, -NO-SERVICE, -DENIED, -SESSION, -PROTOCOL, -CLOSED (a newer
 * bind took its place), and -UNREACHABLE for everything else. The detail is the router's text, without anything long enough to be a token.
 * A retry hint that the protocol does not know is none.
 */
export function refusalOf(frame: Frame): Refusal {
  const structured = structuredErrorOf(frame);
  const edgeError = structured?.code ?? u32(frame.headers, HEADER.errorCode);
  const spoken = routerText(frame.body) ? frame.body : Buffer.from(structured?.message ?? '');
  const code = (edgeError !== undefined && BY_EDGE_ERROR[edgeError]) || codeOf(routerText(spoken));
  const retry = (structured?.retryHint !== undefined && BY_HINT[structured.retryHint]) || 'default';
  return new Refusal(code, retry, { detail: quotable(spoken) || 'the router gave no reason' });
}

/** Why the router closed a connection that was made; undefined when it only says that the other end closed it. */
export function closeReasonOf(frame: Frame): Refusal | undefined {
  const isPlain = frame.body.length === 0 || frame.body.toString() === CLOSE_CALLED;
  return isPlain && !frame.headers.has(HEADER.structuredError) ? undefined : refusalOf(frame);
}

function codeOf(text: string): ErrorCode {
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? 'OVERLAY-UNREACHABLE';
}

function structuredErrorOf({ headers }: Frame): z.infer<typeof structuredErrorSchema> | undefined {
  const value = headers.get(HEADER.structuredError);
  if (!value || value.length > MAX_STRUCTURED_BYTES) return undefined;
  try {
    return structuredErrorSchema.safeParse(JSON.parse(value.toString())).data;
  } catch {
    // The text and header 1014 are there too.
    return undefined;
  }
}
