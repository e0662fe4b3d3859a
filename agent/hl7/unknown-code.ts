import type { ErrorCode } from '../../shared/errors.ts';
import type { Segment } from './segment.ts';

/** Short and without a blank: no text that somebody wrote, should a sender put one where codes belong. */
const CODE = /^[\w.:/%-]{1,24}$/;
const SYSTEM = /^[A-Z0-9]{1,12}$/;

/** What is not in the table, for the operator: the code of OBX-3 (`2047`, `150999^MDC`), or of OBX-6 (`unit 87`); `(text)` for what looks like none, `(none)` where nothing stands. */
export function unknownCode(obx: Segment, field: 3 | 6): string {
  const code = obx.component(field, 1).trim();
  const system = obx.component(field, 3).trim();
  const shown = code === '' ? '(none)' : CODE.test(code) ? `${code}${SYSTEM.test(system) ? `^${system}` : ''}` : '(text)';
  return field === 6 ? `unit ${shown}` : shown;
}

/** The same of a row that was refused for such a code or unit; undefined for all other reasons. */
export function unknownIn(obx: Segment, code: ErrorCode): string | undefined {
  if (code === 'DECODE-UNKNOWN-CODE') return unknownCode(obx, 3);
  return code === 'DECODE-UNIT' ? unknownCode(obx, 6) : undefined;
}
