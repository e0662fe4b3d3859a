import { staleText } from './shown-patient.ts';

/** One line of the live table: what the AI client was last told of one vital sign of one patient. */
export interface TableRow {
  patient: string;
  /** `BED-1`, or `home`. */
  where: string;
  vital: string;
  /** With unit; `—` and the reason when there is none. */
  value: string;
  /** When the device measured it, UTC ms. */
  at: number;
  stale: boolean;
  /** From the device's time to the arrival of the notification, in milliseconds. */
  latencyMs: number;
}

const WIDTH = 80;
/** Columns and their widths; with the blanks between them, 79 in all. */
const COLUMNS = { patient: 11, where: 5, vital: 30, value: 16, age: 5, latency: 7 } as const;

const HEADER = line('Patient', 'Where', 'Vital sign', 'Value', 'Age', 'Latency');

function line(patient: string, where: string, vital: string, value: string, age: string, latency: string): string {
  return [whose({ patient, where, vital }), cell(value, COLUMNS.value), age.padStart(COLUMNS.age), latency.padStart(COLUMNS.latency)].join(
    ' ',
  );
}

function whose({ patient, where, vital }: Pick<TableRow, 'patient' | 'where' | 'vital'>): string {
  return [cell(patient, COLUMNS.patient), cell(where, COLUMNS.where), cell(vital, COLUMNS.vital)].join(' ');
}

function cell(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

/** Text as lines of at most 80 columns, those after the first indented. */
export function wrapped(text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > WIDTH) {
    const cut = rest.lastIndexOf(' ', WIDTH);
    const at = cut > 2 ? cut : WIDTH;
    lines.push(rest.slice(0, at).trimEnd());
    rest = `  ${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}

/** One row as text of at most 79 columns; one that is not current says so in the place of its value, age and latency. */
export function formatRow(row: TableRow, now: number): string {
  const age = Math.max(0, Math.round((now - row.at) / 1000));
  if (row.stale) return `${whose(row)} ${cell(staleText(row.value, row.at), WIDTH - 1 - whose(row).length - 1).trimEnd()}`;
  return line(
    row.patient,
    row.where,
    row.vital,
    row.value,
    age < 1000 ? `${age} s` : `${Math.floor(age / 3600)} h`,
    `${Math.round(row.latencyMs)} ms`,
  );
}

/** What the table is shown with: how many lines there are, which page of rows, and what happened lately. */
export interface Showing {
  title: string;
  height: number;
  page: number;
  notes?: readonly string[];
}

const NOTED_LINES = 6;

/**
 * The whole screen: title, header, as many rows as fit, and what happened lately; when there are more rows, the pages follow each other.
 * Every line has at most 80 columns.
 */
export function formatTable(rows: readonly TableRow[], now: number, { title, height, page, notes = [] }: Showing): string[] {
  const noted = height < 20 ? [] : notes.flatMap(wrapped).slice(-NOTED_LINES);
  const room = Math.max(1, height - 5 - noted.length);
  const pages = Math.max(1, Math.ceil(rows.length / room));
  const from = (page % pages) * room;
  const footer = pages > 1 ? `page ${(page % pages) + 1} of ${pages} (a taller window shows more)` : '';
  return [
    title.slice(0, WIDTH),
    'Simulated sandbox. Not a medical device, not an alarm system, not for diagnosis.',
    HEADER,
    ...rows.slice(from, from + room).map((row) => formatRow(row, now)),
    footer,
    ...noted,
  ];
}

/** The header of the plain lines. */
export const PLAIN_HEADER = HEADER;
