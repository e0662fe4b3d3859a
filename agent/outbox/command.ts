import { once } from 'node:events';
import { type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { meaningOf, VitalmeshError } from '../../shared/errors.ts';
import { GAP_REASONS, type Gap } from '../../shared/gap.ts';
import { askOperator, callOperator } from '../../shared/operator/client.ts';
import type { AcceptedStore, Counted, Dropped, OutboxReport, Replayed } from './operator.ts';
import type { ListedEntry, ShownContent, ShownEntry } from './shown.ts';

/** The commands of `vitalmesh-agent outbox`. */
export type OutboxCommand = 'status' | 'list' | 'show' | 'replay' | 'export' | 'drop' | 'accept-store';

type Run = (values: CommandValues, socket: string, io: CommandIo) => Promise<number>;

const WITH_IDENTIFIERS =
  'WARNING: this holds names and numbers of patients as they came. Keep it as you keep a chart, and send it to nobody.\n';

/** `vitalmesh-agent outbox NAME`: asks the running agent, and prints its rows as lines for people, or as JSON. */
export function runOutbox(name: OutboxCommand, values: CommandValues, socket: string, io: CommandIo): Promise<number> {
  return COMMANDS[name](values, socket, io);
}

const COMMANDS: Readonly<Record<OutboxCommand, Run>> = {
  async status(values, socket, io) {
    const report = (await askOperator(socket, 'outbox-status')) as OutboxReport;
    await print(io, values.json ? JSON.stringify(report) : formatReport(report));
    return EXIT.ok;
  },

  async list(values, socket, io) {
    let entries = 0;
    for await (const row of callOperator(socket, 'outbox-list', { ...whichOf(values), ...limitOf(values) })) {
      if (!values.json && entries === 0) await print(io, HEAD);
      await print(io, values.json ? JSON.stringify(row) : formatEntry(row as ListedEntry));
      entries += 1;
    }
    if (!values.json && entries === 0) await print(io, values.pending ? 'Nothing waits.' : 'Nothing is in quarantine.');
    return EXIT.ok;
  },

  async show(values, socket, io) {
    const args = { id: required(values, 'ID', 'ID'), withIdentifiers: identifiersOf(values, io) };
    const entry = (await askOperator(socket, 'outbox-show', args)) as ShownEntry;
    await print(
      io,
      values.json
        ? JSON.stringify(entry)
        : `${HEAD}\n${formatEntry(entry)}\n\n${entry.gap ? formatGap(entry.gap) : ''}${formatContent(entry.content)}`,
    );
    return EXIT.ok;
  },

  async replay(values, socket, io) {
    if ((values.ID === undefined) === (values.code === undefined)) throw usage('give either ids or --code CODE');
    const counts = { pending: 0, held: 0, stays: 0, 'not-found': 0 };
    const args = values.code === undefined ? { ids: idsOf(values) } : { code: values.code };
    for await (const row of callOperator(socket, 'outbox-replay', args)) {
      const replayed = row as Replayed;
      counts[replayed.outcome] += 1;
      await print(io, values.json ? JSON.stringify(replayed) : formatReplayed(replayed));
    }
    const { pending, held, stays, 'not-found': missing } = counts;
    const none = missing === 0 ? '' : `, ${missing} are not there`;
    if (!values.json) await print(io, `${pending} on their way, ${held} were there already, ${stays} stay in quarantine${none}`);
    return stays + missing === 0 ? EXIT.ok : EXIT.failed;
  },

  async export(values, socket, io) {
    const args = { ...whichOf(values), withIdentifiers: identifiersOf(values, io) };
    for await (const row of callOperator(socket, 'outbox-export', args)) await print(io, JSON.stringify(row));
    return EXIT.ok;
  },

  async drop(values, socket, io) {
    const args = { ids: idsOf(values), reason: required(values, 'reason') };
    let missing = 0;
    for await (const row of callOperator(socket, 'outbox-drop', args)) {
      const { id, code, outcome } = row as Dropped;
      if (outcome === 'not-found') missing += 1;
      await print(
        io,
        values.json ? JSON.stringify(row) : `${id}  ${outcome === 'dropped' ? `dropped (${code})` : 'there is no such entry'}`,
      );
    }
    return missing === 0 ? EXIT.ok : EXIT.failed;
  },

  async 'accept-store'(values, socket, io) {
    const args = { storeId: required(values, 'STORE_ID', 'STORE_ID') };
    const accepted = (await askOperator(socket, 'outbox-accept-store', args)) as AcceptedStore;
    const { storeId, before } = accepted;
    const text = before === storeId ? `The data go to store ${storeId} already.` : `From now on the data go to store ${storeId}.`;
    await print(io, values.json ? JSON.stringify(accepted) : text);
    return EXIT.ok;
  },
};

function usage(detail: string): VitalmeshError {
  return new VitalmeshError('USAGE', { detail });
}

function whichOf({ quarantine, pending, source, code }: CommandValues): Record<string, unknown> {
  if (quarantine && pending) throw usage('either --quarantine or --pending');
  return { what: pending ? 'pending' : 'quarantine', ...(source !== undefined && { source }), ...(code !== undefined && { code }) };
}

function limitOf({ limit }: CommandValues): Record<string, unknown> {
  if (limit === undefined) return {};
  if (typeof limit !== 'string' || !/^[1-9]\d{0,6}$/.test(limit)) throw usage('--limit is a whole number from 1');
  return { limit: Number(limit) };
}

function idsOf(values: CommandValues): string[] {
  return required(values, 'ID', 'ID').split(' ');
}

function identifiersOf(values: CommandValues, io: CommandIo): boolean {
  const withIdentifiers = values['with-identifiers'] === true;
  if (withIdentifiers) io.stderr.write(WITH_IDENTIFIERS);
  return withIdentifiers;
}

/** An export may be larger than memory: it goes on when what was printed is taken. */
async function print({ stdout }: CommandIo, line: string): Promise<void> {
  if (!stdout.write(`${line}\n`)) await once(stdout, 'drain');
}

const HEAD = row('id', 'when (UTC)', 'class', 'code', 'bytes', 'source, part');

function row(...[id = '', when = '', kind = '', code = '', bytes = '', source = '']: string[]): string {
  return `${id.padEnd(9)} ${when.padEnd(20)} ${kind.padEnd(10)} ${code.padEnd(24)} ${bytes.padStart(7)}  ${source}`;
}

function formatEntry({ id, at, class: rowClass, code, source, part, bytes, gap }: ListedEntry): string {
  const what = gap ? `gap (${gap.reason})` : plain(part);
  return row(id, formatTime(at), rowClass ?? 'bytes', code ?? '', String(bytes), `${plain(source)}, ${what}`);
}

/** What is missing, from when to when, why, and how much. */
function formatGap({ reason, lost, from, to, rows, values, vitals }: Gap): string {
  const what = vitals.length > 0 ? `: ${vitals.map(plain).join(', ')}` : '';
  const count = rows > 0 ? `\n  ${rows} ${rows === 1 ? 'row' : 'rows'}, ${values} ${values === 1 ? 'value' : 'values'}` : '';
  return `Missing ${lost} from ${formatTime(from)} to ${formatTime(to)}${what}\n  ${reason}: ${GAP_REASONS[reason]}${count}\n\n`;
}

function formatTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function formatContent(content: ShownContent): string {
  if ('withheld' in content)
    return `not shown, because where names stand in it is not known (${content.withheld}); --with-identifiers shows it`;
  if ('record' in content) return JSON.stringify(content.record, null, 2);
  if ('base64' in content) return `base64, ${content.keptBytes} bytes: ${content.base64}`;
  return content.text
    .split(/\r\n|\r|\n/)
    .map(plain)
    .join('\n');
}

/** Device text must not steer a terminal. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '.');
}

function formatReplayed({ id, code, outcome, rows, rest, why }: Replayed): string {
  const back = rest === 0 ? '' : `; ${rest} parts of it cannot be read and are in quarantine`;
  if (outcome === 'pending') return `${id}  ${code}: on its way to the hub as ${rows} ${rows === 1 ? 'row' : 'rows'}${back}`;
  if (outcome === 'held') return `${id}  ${code}: its message was stored already; taken out of quarantine`;
  if (outcome === 'not-found') return `${id}  there is no such entry`;
  return `${id}  ${code ?? 'unknown'}: stays${why === null ? '' : `, ${meaningOf(why)}`}`;
}

function formatReport({ now, epoch, storeId, oldestPendingAt, untimed, pending, delivered, quarantined, ...file }: OutboxReport): string {
  const oldest = oldestPendingAt === null ? '' : `; the oldest came ${Math.round((now - oldestPendingAt) / 1000)} s ago`;
  return [
    `Waits for the hub    ${formatCounted(pending)}${oldest}${untimed === 0 ? '' : `; ${untimed} rows wait for the time`}`,
    `The hub has          ${formatCounted(delivered)} (kept for a while in case that it is restored)`,
    `In quarantine        ${formatCounted(quarantined)}${quarantined.total === 0 ? '' : '; see vitalmesh-agent outbox list'}`,
    ...(storeId === null ? [] : [`Goes to the store    ${storeId}`]),
    `File                 ${mebibytes(file.fileBytes)} MiB; ${mebibytes(file.usedBytes)} of ${mebibytes(file.limitBytes)} MiB are in use; epoch ${epoch}`,
    `Written              ${mebibytes(file.writtenBytes.today)} MiB today, ${mebibytes(file.writtenBytes.yesterday)} yesterday (UTC; log and file, about)`,
    ...file.setAside.map((name) => `Set aside            ${name}`),
    ...(file.code === null ? [] : [`Trouble              ${meaningOf(file.code)}`]),
  ].join('\n');
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function formatCounted({ total, byClass }: Counted): string {
  const parts = Object.entries(byClass).map(([name, count]) => `${name} ${count}`);
  return parts.length === 0 ? String(total) : `${total}: ${parts.join(', ')}`;
}
