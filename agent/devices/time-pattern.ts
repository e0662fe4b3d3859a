import type { LocalTime } from '../../shared/clock.ts';

const FIELDS: Readonly<Record<string, { part: keyof LocalTime; digits: number }>> = {
  YYYY: { part: 'year', digits: 4 },
  YY: { part: 'year', digits: 2 },
  MM: { part: 'month', digits: 2 },
  DD: { part: 'day', digits: 2 },
  HH: { part: 'hour', digits: 2 },
  mm: { part: 'minute', digits: 2 },
  ss: { part: 'second', digits: 2 },
  SSS: { part: 'millisecond', digits: 3 },
};
const TOKEN = /YYYY|YY|MM|DD|HH|mm|ss|SSS/g;

/** Reads a local time; undefined when the text has another form. Whether the date exists is not checked here. */
export type TimeReader = (text: string) => LocalTime | undefined;

/**
 * A reader for times of a fixed form, out of YYYY YY MM DD HH mm ss SSS and literal characters (`MM/DD/YY HH:mm:ss`). Two digits of
 * a year are of this century. Undefined unless the pattern has year, month, day, hour and minute, each part once.
 */
export function timePattern(pattern: string): TimeReader | undefined {
  const tokens = pattern.match(TOKEN) ?? [];
  const parts = tokens.map((token) => FIELDS[token]?.part);
  const needed: (keyof LocalTime)[] = ['year', 'month', 'day', 'hour', 'minute'];
  if (needed.some((part) => !parts.includes(part)) || new Set(parts).size < parts.length) return undefined;
  const literals = pattern.split(TOKEN).map((text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  const form = new RegExp(`^${literals.map((text, i) => text + (tokens[i] ? `(\\d{${FIELDS[tokens[i]]?.digits ?? 1}})` : '')).join('')}$`);
  return (text) => {
    const match = form.exec(text);
    if (!match) return undefined;
    const local: LocalTime = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, millisecond: 0 };
    for (const [i, token] of tokens.entries()) {
      const field = FIELDS[token];
      if (field) local[field.part] = Number(match[i + 1]) + (token === 'YY' ? 2000 : 0);
    }
    return local;
  };
}
