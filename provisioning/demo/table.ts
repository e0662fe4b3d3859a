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
  const cell = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width));
  return [
    cell(patient, COLUMNS.patient),
    cell(where, COLUMNS.where),
    cell(vital, COLUMNS.vital),
    cell(value, COLUMNS.value),
    age.padStart(COLUMNS.age),
    latency.padStart(COLUMNS.latency),
  ].join(' ');
}

/** One row as text of at most 79 columns. */
export function formatRow(row: TableRow, now: number): string {
  const age = Math.max(0, Math.round((now - row.at) / 1000));
  return line(
    row.patient,
    row.where,
    row.vital,
    row.stale ? `old: ${row.value}` : row.value,
    `${age} s`,
    `${Math.round(row.latencyMs)} ms`,
  );
}

/**
 * The whole screen: title, header, and as many rows as fit in `height` lines; when there are more, the pages follow each other.
 * Every line has at most 80 columns.
 */
export function formatTable(rows: readonly TableRow[], now: number, title: string, height: number, page: number): string[] {
  const room = Math.max(1, height - 5);
  const pages = Math.max(1, Math.ceil(rows.length / room));
  const from = (page % pages) * room;
  const footer = pages > 1 ? `page ${(page % pages) + 1} of ${pages} (a taller window shows more)` : '';
  return [
    title.slice(0, WIDTH),
    'Simulated sandbox. Not a medical device, not an alarm system, not for diagnosis.',
    HEADER,
    ...rows.slice(from, from + room).map((row) => formatRow(row, now)),
    footer,
  ];
}

/** The header of the plain lines. */
export const PLAIN_HEADER = HEADER;
