/** How the members of an object are written, in the order of their names. */
type Members = readonly { name: string; before: string }[];

/** Objects whose names came in one order so far, name by name; sorting each of them anew takes a third of the time of all. */
interface Shape {
  readonly next: Map<string, Shape>;
  members: Members | undefined;
}

/** Those of the profiles are some fifty, with short names; whoever sends others has theirs sorted each time. */
const MOST_SHAPES = 2048;
const LONGEST_NAME = 64;
const noNames: Shape = { next: new Map(), members: [] };
let shapes = 1;

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
  const object = value as Record<string, unknown>;
  for (const { name, before } of membersOf(object)) text += before + canonicalJson(object[name]);
  return `{${text}}`;
}

function membersOf(object: Record<string, unknown>): Members {
  let shape = noNames;
  for (const name of Object.keys(object)) {
    let next = shape.next.get(name);
    if (next === undefined) {
      if (shapes >= MOST_SHAPES || name.length > LONGEST_NAME) return sorted(object);
      shapes += 1;
      next = { next: new Map(), members: undefined };
      shape.next.set(name, next);
    }
    shape = next;
  }
  shape.members ??= sorted(object);
  return shape.members;
}

function sorted(object: Record<string, unknown>): Members {
  const names = Object.keys(object).sort();
  return names.map((name, i) => ({ name, before: `${i === 0 ? '' : ','}${quoted(name)}:` }));
}

/** What JSON must escape, and lone surrogates, which JSON.stringify escapes as well. */
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}
