/** Columns as wide as their longest cell, two blanks between them; the head in capitals. Cells hold no control characters: names may not. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head.map((title) => title.toUpperCase()), ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** In the order of their names, whatever the language of the machine; those of one name by id. */
export function byName<T extends { id: string; name: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => compared(a.name, b.name) || compared(a.id, b.id));
}

function compared(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** `a, b` as `['a', 'b']`; nothing given is an empty list. */
export function listOf(text: string | boolean | undefined): string[] {
  if (typeof text !== 'string') return [];
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
