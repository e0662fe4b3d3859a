import type { Filter } from './operator-arguments.ts';
import type { Outbox, OutboxRow, QuarantineEntry } from './outbox.ts';

/** Rows read or released at a time: between two pages the devices have their turn. */
export const PAGE = 256;

/** Entries of quarantine, the newest first, page by page; what comes in meanwhile is not among them. */
export async function* quarantine(outbox: Outbox): AsyncGenerator<QuarantineEntry> {
  let before: number | undefined;
  for (;;) {
    const page = await outbox.quarantined(PAGE, before);
    yield* page;
    before = page.at(-1)?.id;
    if (before === undefined || page.length < PAGE) return;
    await turn();
  }
}

export async function* chosen(outbox: Outbox, { source, code }: Pick<Filter, 'source' | 'code'>): AsyncGenerator<QuarantineEntry> {
  for await (const entry of quarantine(outbox)) {
    if ((source === undefined || entry.source === source) && (code === undefined || entry.code === code)) yield entry;
  }
}

/** Rows that wait, the oldest first, page by page. */
export async function* waiting(outbox: Outbox, { source }: Pick<Filter, 'source'>): AsyncGenerator<OutboxRow> {
  let after = 0;
  for (;;) {
    const page = await outbox.waiting(after, PAGE);
    for (const row of page) if (source === undefined || row.record.source === source) yield row;
    after = page.at(-1)?.seq ?? 0;
    if (page.length < PAGE) return;
    await turn();
  }
}

/** Between two pages the devices have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
