import { namesIn } from '../../patients/names-in.ts';

/** The identifiers in one resource as it is kept; none in the empty line of one that was removed. */
export function namesOfText(text: string): string[] {
  return text === '' ? [] : namesIn(JSON.parse(text));
}

/** In how many rows each identifier stands. */
export class NameCounts {
  readonly rows = new Map<string, number>();

  add(names: readonly string[]): void {
    for (const name of new Set(names)) this.rows.set(name, (this.rows.get(name) ?? 0) + 1);
  }
}

/** Whether a text may hold one of these identifiers (`system|value`): told by its value alone, so that most texts need not be parsed. */
export function mayName(names: ReadonlySet<string>): (text: string) => boolean {
  // As it stands in JSON, where some characters are escaped.
  const values = [...new Set([...names].map((name) => JSON.stringify(name.slice(name.indexOf('|') + 1))))];
  return (text) => values.some((value) => text.includes(value));
}
