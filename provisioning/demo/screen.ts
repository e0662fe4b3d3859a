import { formatRow, formatTable, PLAIN_HEADER, type TableRow, wrapped } from './table.ts';
import type { Shown } from './viewer.ts';

/** Where the demo shows what the AI client is told. */
export interface Screen extends Disposable {
  show(shown: Shown): void;
  /** Something that happened, in a sentence. */
  note(text: string): void;
  /** A second passed. */
  tick(): void;
}

const TITLE = 'Vitalmesh demo: from the device to the AI client. Ctrl-C ends it.';
const PAGE_TICKS = 4;
/** A plain log shows each vital sign of each patient once in so many milliseconds, so that it stays readable. */
const PLAIN_EVERY_MS = 5000;

/** A live table on a terminal, plain lines elsewhere, nothing without an output. */
export function openScreen(out: NodeJS.WritableStream | undefined): Screen {
  if (!out) return { show: () => undefined, note: () => undefined, tick: () => undefined, [Symbol.dispose]: () => undefined };
  return 'isTTY' in out && out.isTTY ? liveTable(out as NodeJS.WriteStream) : plainLines(out);
}

function liveTable(out: NodeJS.WriteStream): Screen {
  const shownRows = new Map<string, TableRow>();
  /** By patient, then vital sign. */
  const rows = (): TableRow[] => [...shownRows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const notes: string[] = [];
  let ticks = 0;
  return {
    show: ({ key, row }) => void shownRows.set(key, row),
    note: (text) => void notes.push(text),
    tick: () => {
      const lines = formatTable(rows(), Date.now(), {
        ...{ title: TITLE, height: Math.max(8, out.rows ?? 24), page: Math.floor(ticks / PAGE_TICKS), notes },
      });
      ticks += 1;
      out.write(`\x1b[2J\x1b[H${lines.join('\n')}\n`);
    },
    [Symbol.dispose]: () => {
      if (ticks === 0) return;
      const all = formatTable(rows(), Date.now(), { title: TITLE, height: rows().length + 5 + 20, page: 0, notes });
      out.write(`\x1b[2J\x1b[H${all.join('\n')}\n`);
    },
  };
}

function plainLines(out: NodeJS.WritableStream): Screen {
  const shownAt = new Map<string, number>();
  return {
    show: ({ key, row, fresh }) => {
      const now = Date.now();
      if (!fresh || now - (shownAt.get(key) ?? 0) < PLAIN_EVERY_MS) return;
      if (shownAt.size === 0)
        out.write(`${TITLE}\nSimulated sandbox. Not a medical device, not an alarm system, not for diagnosis.\n${PLAIN_HEADER}\n`);
      shownAt.set(key, now);
      out.write(`${formatRow(row, now)}\n`);
    },
    note: (text) => void out.write(`${wrapped(`>> ${text}`).join('\n')}\n`),
    tick: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}
