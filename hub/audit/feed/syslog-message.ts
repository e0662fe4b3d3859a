import type { FeedEvent } from './contract.ts';
import { withinBytes } from './visible.ts';

/** Log audit (RFC 5424 table 1). */
const FACILITY = 13;
/** RFC 5424 table 2. */
const SEVERITIES = { warning: 4, notice: 5, info: 6 } as const;
/** Of structured data whose names are nobody's by registration; 32473 is the number that anybody may use (RFC 5612). */
const SD_ID = 'vitalmesh@32473';
/** What every receiver takes (RFC 5425 §4.3.1). */
export const MAX_MESSAGE_BYTES = 2048;
const BOM = '\ufeff';

/** Who sends. */
export interface SyslogSender {
  host: string;
  pid: number;
}

/**
 * An event as a message of RFC 5424: all fields as structured data, and a text for people. Its bytes are `MAX_MESSAGE_BYTES` at most; the text is what is
 * shortened.
 */
export function syslogMessage(event: FeedEvent, { host, pid }: SyslogSender): Buffer {
  const { type, at, level, fields } = event;
  const named = new Map(fields);
  const id = printable(String(named.get('action') ?? type), 32);
  const time = at === null ? '-' : new Date(at).toISOString();
  const params = [['type', type] as const, ...fields].map(([name, value]) => ` ${name}="${escaped(String(value))}"`).join('');
  const head = `<${FACILITY * 8 + SEVERITIES[level]}>1 ${time} ${printable(host, 64)} vitalmesh-hub ${pid} ${id} [${SD_ID}${params}]`;
  const room = MAX_MESSAGE_BYTES - Buffer.byteLength(head) - 1 - Buffer.byteLength(BOM);
  const text = withinBytes(textOf(event, named), room);
  return Buffer.from(`${head} ${BOM}${text}`);
}

/** Octet counting (RFC 5425 §4.3). */
export function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

function textOf({ type }: FeedEvent, named: ReadonlyMap<string, string | number>): string {
  const say = (name: string): string => String(named.get(name) ?? '-');
  if (type === 'gap') return `entries ${say('from')} to ${say('to')} of the evidence are no longer in the store`;
  if (type === 'heartbeat') return `the evidence has come to entry ${say('newest')}, this feed to ${say('sent')}`;
  return `entry ${say('seq')}: ${say('who')} ${say('action')} ${say('outcome')}, ${say('reason')}`;
}

/** PARAM-VALUE: `"`, `\` and `]` behind a backslash (RFC 5424 §6.3.3). Control characters were made visible before. */
function escaped(value: string): string {
  return value.replaceAll(/["\\\]]/g, '\\$&');
}

/** PRINTUSASCII, or the nil value (RFC 5424 §6). */
function printable(text: string, max: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, max) || '-';
}
