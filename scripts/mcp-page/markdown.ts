/** Markdown out of tables and data, always the same for the same. */

export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

export function fenced(language: string, content: string): string {
  const fence = content.includes('```') ? '````' : '```';
  return `${fence}${language}\n${content}\n${fence}`;
}

/** Longest line of an example, rows of a list that are shown, and characters of a text. */
const WIDTH = 150;
const MOST_ROWS = 3;
const MOST_TEXT = 110;

/** JSON for people: what fits into a line stands in one, long lists and texts are cut and say so. */
export function shortJson(value: unknown, indent = 0): string {
  const flat = inLine(value);
  if (typeof value !== 'object' || value === null || (flat.length + indent <= WIDTH && !isLong(value))) return flat;
  const pad = ' '.repeat(indent + 2);
  const end = ' '.repeat(indent);
  if (Array.isArray(value)) {
    const shown = value.slice(0, MOST_ROWS).map((one) => `${pad}${shortJson(one, indent + 2)}`);
    const more = value.length > MOST_ROWS ? [`${pad}// and ${value.length - MOST_ROWS} more`] : [];
    return `[\n${[shown.join(',\n'), ...more].join(more.length > 0 ? ',\n' : '')}\n${end}]`;
  }
  const fields = Object.entries(value).map(([name, inner]) => `${pad}${JSON.stringify(name)}: ${shortJson(inner, indent + 2)}`);
  return `{\n${fields.join(',\n')}\n${end}}`;
}

/** Lists of things, which are cut; those of words and numbers are not. */
function isLong(value: object): boolean {
  const isThing = (one: unknown): boolean => typeof one === 'object' && one !== null;
  return Array.isArray(value)
    ? value.length > MOST_ROWS && value.some(isThing)
    : Object.values(value).some((inner) => isThing(inner) && isLong(inner as object));
}

function inLine(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value);
  if (Array.isArray(value)) return `[${value.map(inLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${inLine(inner)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
