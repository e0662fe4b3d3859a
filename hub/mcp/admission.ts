import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { Seldom } from '../../shared/seldom.ts';
import type { Callers, Identified } from '../access/callers.ts';
import type { CallContext, Door } from '../access/door.ts';
import { TokenRefusal } from '../access/tokens/token.ts';
import type { Connection } from './connections.ts';

/** Who is refused for the same reason is logged and recorded once in this time, however often it asks. */
const ONCE_MS = 60_000;

/** Refusals that say nothing of anybody: the first step of every client that gets a token, and an issuer that is away. */
const ORDINARY: readonly string[] = ['ACCESS-TOKEN-NEEDED', 'ACCESS-ISSUER-KEYS'];

export interface AdmissionOptions {
  callers: Callers;
  door: Pick<Door, 'turnAway'>;
  clock: Clock;
  log: Logger;
}

/** Who sends each request, anew at each: what the connection, the session or the request before proved is not taken for it. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #told: Seldom;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#told = new Seldom(options.clock, ONCE_MS);
  }

  /** Rejects as `Callers.identify`, after the evidence of it. */
  async identify({ caller }: Connection, request: IncomingMessage): Promise<Identified> {
    const overlay = caller.verified ? caller.identityId : undefined;
    try {
      return await this.#options.callers.identify(overlay, authorizationOf(request));
    } catch (thrown) {
      await this.#tell(overlay, asVitalmeshError(thrown), channelOf(request));
      throw thrown;
    }
  }

  async #tell(overlay: string | undefined, error: VitalmeshError, channel: CallContext['channel']): Promise<void> {
    const { callers, door, log } = this.#options;
    const reason = error instanceof TokenRefusal ? error.fault : error.code;
    if (ORDINARY.includes(error.code) || !this.#told.due(`${overlay} ${reason}`)) return;
    // The detail of a caller that no row lists is the subject of a good token, which the operator has to list.
    if (error.code === 'ACCESS-UNKNOWN-CALLER') log.warn({ caller: error.detail ?? overlay }, 'an unknown caller was refused');
    else log.warn({ caller: overlay, reason }, 'a caller was refused');
    try {
      await door.turnAway(callers.rowsConcerned(overlay), reason, { channel });
    } catch (err) {
      log.error({ err, caller: overlay }, 'the refusal of a caller could not be recorded');
    }
  }
}

/** Throws TokenRefusal for more than one: which of them counts must not be a matter of who reads them. */
function authorizationOf({ headersDistinct: { authorization } }: IncomingMessage): string | undefined {
  if (authorization !== undefined && authorization.length > 1) throw new TokenRefusal('malformed');
  return authorization?.[0];
}

function channelOf({ headers }: IncomingMessage): CallContext['channel'] {
  return headers['mcp-protocol-version'] === '2026-07-28' ? 'mcp-2026' : 'mcp-2025';
}
