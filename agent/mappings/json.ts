export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** No device nests deeper; what does is made to exhaust the stack of whoever walks through it. */
const MAX_DEPTH = 64;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const NUMBER = /-?\d[\d.eE+-]*/y;

/**
 * The value of a JSON text (RFC 8259); undefined when it is none, is nested deeper than 64, or names a key of an object twice: which
 * of the two a reader takes is chance (RFC 8259, 4). A number too large or too small for a double stays its text, since rounding
 * would make it another one.
 */
export function parseJson(bytes: Uint8Array): Json | undefined {
  try {
    const text = utf8.decode(bytes);
    const found = scan(text);
    if (found === 'refused') return undefined;
    return JSON.parse(text, found === 'unrepresentable' ? keepText : undefined) as Json;
  } catch {
    return undefined;
  }
}

/** One pass over a text that may be no JSON at all; what it says counts only if the text is. Throws SyntaxError for some that is not. */
function scan(text: string): 'plain' | 'unrepresentable' | 'refused' {
  /** Keys of the objects that are open; undefined for arrays, which have none. */
  const open: (Set<string> | undefined)[] = [];
  let verdict: 'plain' | 'unrepresentable' = 'plain';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '"') {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys && isKey(text, end)) {
        const raw = text.slice(at, end);
        const key = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
        if (keys.has(key)) return 'refused';
        keys.add(key);
      }
      at = end - 1;
    } else if (char === '[' || char === '{') {
      if (open.push(char === '{' ? new Set() : undefined) > MAX_DEPTH) return 'refused';
    } else if (char === ']' || char === '}') open.pop();
    else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at;
      const [number] = NUMBER.exec(text) ?? [char];
      if (!isRepresentable(number)) verdict = 'unrepresentable';
      at += number.length - 1;
    }
  }
  return verdict;
}

/** Index behind the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '"') return at + 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at += 1;
  return text[at] === ':';
}

/** False for digits that a double cannot hold: it would be infinite, or 0 where the text is not. */
function isRepresentable(number: string): boolean {
  const value = Number(number);
  if (value === 0) return !/^[^eE]*[1-9]/.test(number);
  return Number.isFinite(value);
}

function keepText(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined && !isRepresentable(context.source) ? context.source : value;
}
