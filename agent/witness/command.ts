import { formatInstant } from '../../shared/clock.ts';
import { type CommandIo, EXIT } from '../../shared/command-line.ts';
import { readCheckpoint } from '../../shared/signed-note.ts';
import { readWitness, type WitnessRecord } from './witness-file.ts';

/** Where an agent keeps what hubs told of their evidence. */
export function witnessFileOf(outboxPath: string): string {
  return `${outboxPath}.witness`;
}

/** `vitalmesh-agent witness show`: a line a store and key. Throws STORAGE-DAMAGED. */
export function showWitness(path: string, json: boolean, io: CommandIo): number {
  const record = readWitness(path);
  const rows = (record?.stores ?? []).map(rowOf);
  if (json) io.stdout.write(`${JSON.stringify(rows)}\n`);
  else io.stdout.write(rows.length === 0 ? 'No hub has told how far its evidence has come.\n' : rows.map(lineOf).join(''));
  return EXIT.ok;
}

/** `vitalmesh-agent witness export`: all of it, for `vitalmesh-hub audit verify --witness FILE`. Exit code 1 where there is nothing. Throws STORAGE-DAMAGED. */
export function exportWitness(path: string, io: CommandIo): number {
  const record = readWitness(path);
  if (record) io.stdout.write(`${JSON.stringify(record)}\n`);
  else io.stderr.write('No hub has told how far its evidence has come.\n');
  return record ? EXIT.ok : EXIT.failed;
}

interface Row {
  origin: string;
  key: string;
  notes: number;
  /** Number of the last entry of the evidence that the newest note covers. */
  entries: number;
  /** UTC ms. */
  first: number;
  last: number;
}

function rowOf({ origin, key, notes }: WitnessRecord['stores'][number]): Row {
  const newest = notes.at(-1);
  const entries = readCheckpoint(newest?.note ?? '')?.size ?? 0;
  return { origin, key, notes: notes.length, entries, first: notes[0]?.at ?? 0, last: newest?.at ?? 0 };
}

function lineOf({ origin, key, notes, entries, first, last }: Row): string {
  return `${origin}: ${notes} notes from ${formatInstant(first)} to ${formatInstant(last)}, the newest of ${entries} entries; key ${key}\n`;
}
