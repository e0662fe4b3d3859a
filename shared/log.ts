import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { VitalmeshError } from './errors.ts';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

/** Fields that may hold patients' data or secrets, in any spelling; their values never reach a log, however deep they lie. */
const FORBIDDEN =
  /^(?:patients?(?:id)?|subject|name|givenname|familyname|birthdate|mrn|identifier|address|phone|visit|value|values|body|payload|message_?text|raw|bytes|text|token|key|secret|password|authorization|resource|readings?|observations?)$/i;

const REDACTED = '[redacted]';

function redact(value: unknown, depth: number): unknown {
  if (value instanceof VitalmeshError) return { code: value.code, detail: value.detail, retryable: value.retryable };
  // The text of a foreign error may quote its input; class and system code say enough.
  if (value instanceof Error) return { error: value.name, code: (value as NodeJS.ErrnoException).code };
  if (value === null || typeof value !== 'object') return value;
  if (ArrayBuffer.isView(value) || depth > 4) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, FORBIDDEN.test(key) ? REDACTED : redact(item, depth + 1)]));
}

export interface LoggerOptions {
  /** The process: `agent`, `hub`, `demo`. */
  component: string;
  level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Standard error unless told. */
  destination?: DestinationStream;
}

/** JSON lines on standard error. Fields that may hold patients' data are redacted whatever the caller passes; errors are reduced to code and detail. */
export function createLogger({ component, level = 'info', destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields, 0) as Record<string, unknown>,
      },
      serializers: { err: (err: unknown) => redact(err, 0) },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** A logger that writes nothing; for tests and one-shot commands. */
export const silentLogger: Logger = pino({ level: 'silent' });
