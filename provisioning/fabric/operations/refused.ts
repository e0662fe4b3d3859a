import { VitalmeshError } from '../../../shared/errors.ts';
import type { ApiErrorCode, Cause } from '../controller/answers.ts';

/** An operation that was not done: what a caller of the management API is answered, and an operator reads. Nothing was changed. */
export class Refused extends VitalmeshError {
  readonly status: number;
  readonly apiCode: ApiErrorCode;
  readonly apiCause: Cause | undefined;

  constructor(status: number, apiCode: ApiErrorCode, apiCause?: Cause) {
    const why = apiCause && ('field' in apiCause ? `${apiCause.field}: ${apiCause.reason}` : apiCause.message);
    super(status === 404 ? 'FABRIC-UNKNOWN' : 'FABRIC-NAME', { detail: (why ?? apiCode).slice(0, 300) });
    this.status = status;
    this.apiCode = apiCode;
    this.apiCause = apiCause;
  }
}

/** 400 COULD_NOT_VALIDATE: what is wrong about a field. */
export function invalid(field: string, reason: string, value: unknown): Refused {
  return new Refused(400, 'COULD_NOT_VALIDATE', { field, reason, value: shown(value) });
}

/** 404: there is no such entity. */
export function unknown(entity: string, id: string, by = 'id'): Refused {
  return new Refused(404, 'NOT_FOUND', { code: 'UNHANDLED', message: `${entity} with ${by} ${id.slice(0, 128)} not found` });
}

/** 500, as the real one answers some requests that make no sense. */
export function unhandledRefusal(message: string): Refused {
  return new Refused(500, 'UNHANDLED', { code: 'UNHANDLED', message });
}

/** As Go prints a value; lists without commas. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  const text = Array.isArray(value) ? `[${value.join(' ')}]` : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.slice(0, 200);
}
