/**
 * JSON text of a parsed JSON value in which the members of every object are ordered by name, so that the same content always gives
 * the same text (RFC 8785; numbers and strings are as JSON.stringify writes them). Recursive: for values
 * whose depth was checked.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += text === '' ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members).sort()) text += `${text === '' ? '' : ','}${quoted(name)}:${canonicalJson(members[name])}`;
  return `{${text}}`;
}

/** What JSON must escape, and lone surrogates, which JSON.stringify escapes as well. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}
