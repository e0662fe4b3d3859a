import { formatRow, formatTable, PLAIN_HEADER, type TableRow } from './table.ts';

/** Where the demo shows what arrives. */
export interface Screen extends Disposable {
  /** A new value came. */
  row(row: TableRow): void;
  /** A second passed. */
  tick(): void;
}

const TITLE = 'Vitalmesh demo: from the device to the AI client. Ctrl-C ends it.';
const PAGE_TICKS = 4;
/** A plain log shows each vital sign of each patient once in so many milliseconds, so that it stays readable. */
const PLAIN_EVERY_MS = 5000;

/** A live table on a terminal, plain lines elsewhere, nothing without an output. */
export function openScreen(out: NodeJS.WritableStream | undefined, rows: () => TableRow[]): Screen {
  if (!out) return { row: () => undefined, tick: () => undefined, [Symbol.dispose]: () => undefined };
  return 'isTTY' in out && out.isTTY ? liveTable(out as NodeJS.WriteStream, rows) : plainLines(out);
}

function liveTable(out: NodeJS.WriteStream, rows: () => TableRow[]): Screen {
  let ticks = 0;
  let drawn = false;
  return {
    row: () => undefined,
    tick: () => {
      const lines = formatTable(rows(), Date.now(), TITLE, Math.max(8, out.rows ?? 24), Math.floor(ticks / PAGE_TICKS));
      ticks += 1;
      drawn = true;
      out.write(`\x1b[2J\x1b[H${lines.join('\n')}\n`);
    },
    [Symbol.dispose]: () => {
      if (!drawn) return;
      const all = formatTable(rows(), Date.now(), TITLE, rows().length + 5, 0);
      out.write(`\x1b[2J\x1b[H${all.join('\n')}\n`);
    },
  };
}

function plainLines(out: NodeJS.WritableStream): Screen {
  const shownAt = new Map<string, number>();
  out.write(`${TITLE}\nSimulated data. Not a medical device, not an alarm system, not for diagnosis.\n${PLAIN_HEADER}\n`);
  return {
    row: (row) => {
      const now = Date.now();
      const key = `${row.patient} ${row.vital}`;
      if (now - (shownAt.get(key) ?? 0) < PLAIN_EVERY_MS) return;
      shownAt.set(key, now);
      out.write(`${formatRow(row, now)}\n`);
    },
    tick: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}
