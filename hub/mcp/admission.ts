import type { IncomingMessage } from 'node:http';
import { asVitalmeshError, type VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Caller } from '../../shared/overlay/overlay.ts';
import type { Callers, Identified } from '../access/callers.ts';
import type { Proof } from '../access/credentials.ts';
import type { CallContext } from '../access/door.ts';
import { TokenRefusal } from '../access/tokens/token.ts';
import type { Connection } from './connections.ts';
import type { RefusalTally } from './refusal-tally.ts';

/** Refusals that say nothing of anybody: the first step of every client that gets a token, and an issuer that is away. */
const ORDINARY: readonly string[] = ['ACCESS-TOKEN-NEEDED', 'ACCESS-ISSUER-KEYS'];

export interface AdmissionOptions {
  callers: Callers;
  refusals: Pick<RefusalTally, 'add'>;
  log: Logger;
}

/** Who sends each request, anew at each: what the connection, the session or the request before proved is not taken for it. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Rejects as `Callers.prove` and `Callers.fresh`, after the evidence of it. */
  async identify({ caller }: Connection, request: IncomingMessage): Promise<Identified> {
    const { callers } = this.#options;
    const overlay = caller.verified ? caller.identityId : undefined;
    let proof: Proof = overlay === undefined ? {} : { overlay };
    try {
      proof = await callers.prove(overlay, authorizationOf(request));
      return { principal: callers.fresh(proof), proof };
    } catch (thrown) {
      await this.#tell(proof, asVitalmeshError(thrown), channelOf(request));
      throw thrown;
    }
  }

  /** Whether whoever calls so would be identified now. Nothing was asked yet, so there is no evidence of it. Never rejects. */
  async admits({ verified, identityId }: Caller, authorization: string | undefined): Promise<boolean> {
    const { callers } = this.#options;
    try {
      callers.fresh(await callers.prove(verified ? identityId : undefined, authorization));
      return true;
    } catch {
      return false;
    }
  }

  async #tell(proof: Proof, error: VitalmeshError, channel: CallContext['channel']): Promise<void> {
    const { callers, refusals, log } = this.#options;
    const { overlay, token } = proof;
    const reason = error instanceof TokenRefusal ? error.fault : error.code;
    const subject = token && `oauth:${token.issuer}:${token.subject}`;
    if (ORDINARY.includes(error.code)) return;
    const rows = callers.rowsConcerned(proof);
    if (!(await refusals.add(`${overlay} ${reason} ${subject}`, { rows, reason, context: { channel } }))) return;
    // Of a caller that no row lists it is the subject of a good token that the operator has to list.
    if (error.code === 'ACCESS-UNKNOWN-CALLER') log.warn({ caller: subject ?? overlay }, 'an unknown caller was refused');
    else log.warn({ caller: overlay, reason }, 'a caller was refused');
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
