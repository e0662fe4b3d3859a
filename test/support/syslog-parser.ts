/** What a message of RFC 5424 says, read by its grammar alone. */
export interface SyslogMessage {
  priority: number;
  time: string;
  host: string;
  app: string;
  process: string;
  id: string;
  sdId: string;
  params: ReadonlyMap<string, string>;
  /** Without its byte order mark. */
  text: string;
}

const HEAD = /^<(\d{1,3})>1 (\S+) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) ([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) /;
const TIME = /^(?:-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))$/;
const SD_NAME = /^[^\s=\]"]{1,32}$/;

/** Reads a message; throws for anything that the grammar does not allow. */
export function parseSyslog(bytes: Buffer): SyslogMessage {
  const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const [head = '', priority, time = '', host = '', app = '', process = '', id = ''] = HEAD.exec(whole) ?? [];
  if (head === '' || !TIME.test(time)) throw new Error(`no head of a message: ${JSON.stringify(whole.slice(0, 120))}`);
  const { sdId, params, end } = structuredData(whole, head.length);
  const rest = whole.slice(end);
  if (!rest.startsWith(' \ufeff')) throw new Error(`no byte order mark before the text: ${JSON.stringify(rest.slice(0, 20))}`);
  return { priority: Number(priority), time, host, app, process, id, sdId, params, text: rest.slice(2) };
}

function structuredData(whole: string, from: number): { sdId: string; params: Map<string, string>; end: number } {
  if (whole[from] !== '[') throw new Error('no structured data');
  let at = from + 1;
  const until = (stop: RegExp): string => {
    const begin = at;
    while (at < whole.length && !stop.test(whole[at] ?? '')) at += 1;
    return whole.slice(begin, at);
  };
  const sdId = until(/[ \]]/);
  const params = new Map<string, string>();
  while (whole[at] === ' ') {
    at += 1;
    const name = until(/=/);
    if (!SD_NAME.test(name) || params.has(name) || whole[at + 1] !== '"') throw new Error(`no parameter: ${JSON.stringify(name)}`);
    at += 2;
    let value = '';
    for (; whole[at] !== '"'; at += 1) {
      const character = whole[at];
      if (character === undefined || character === ']') throw new Error(`an unescaped ] or no end in ${name}`);
      if (character === '\\' && /["\\\]]/.test(whole[at + 1] ?? '')) at += 1;
      value += whole[at];
    }
    at += 1;
    params.set(name, value);
  }
  if (whole[at] !== ']') throw new Error('no end of the structured data');
  return { sdId, params, end: at + 1 };
}

/** Cuts a stream into its messages by octet counting (RFC 5425 §4.3). */
export class SyslogFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole with this. Throws for what is no count. */
  take(bytes: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const whole: Buffer[] = [];
    for (;;) {
      const blank = this.#rest.indexOf(' ');
      if (blank < 0 && this.#rest.length < 12) return whole;
      const count = this.#rest.subarray(0, blank).toString('latin1');
      if (!/^[1-9]\d{0,9}$/.test(count)) throw new Error(`no count: ${JSON.stringify(count)}`);
      const end = blank + 1 + Number(count);
      if (this.#rest.length < end) return whole;
      whole.push(this.#rest.subarray(blank + 1, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}
