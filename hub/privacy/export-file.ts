import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { VitalmeshError } from '../../shared/errors.ts';
import { syncFolder } from '../../shared/storage/key-file.ts';

/** `bundle`: one FHIR Bundle (collection). `ndjson`: a resource a line, as Bulk Data has it. */
export type ExportForm = 'bundle' | 'ndjson';

/** So much is put together before it is written. */
const BLOCK_CHARS = 64 * 1024;
const BUNDLE_BEGIN = `{"resourceType":"Bundle","type":"collection","entry":[\n`;

/**
 * Writes resources as they come to a new file of mode 0600, which gets its name once it is whole and on disk; resolves with how many there are of each type. Nothing is left of
 * one that fails, or that `signal` ends. Throws PATIENT-FILE, what the resources throw, and the reason of the signal.
 */
export async function writeExport(
  path: string,
  form: ExportForm,
  resources: AsyncIterable<unknown>,
  signal?: AbortSignal,
): Promise<Record<string, number>> {
  if (existsSync(path)) throw new VitalmeshError('PATIENT-FILE', { detail: `${path} is there already` });
  const draft = join(dirname(resolve(path)), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
  try {
    const file = await filing(draft, () => open(draft, 'wx', 0o600));
    const counts = await written(file, draft, form, resources, signal).finally(() => file.close());
    await filing(path, () => link(draft, path));
    syncFolder(dirname(resolve(path)));
    return counts;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Writes resources as they come to a stream that stays open, at the pace of its reader; resolves with how many there are of each type. What is written of one that fails is not whole,
 * as its lack of an end (`bundle`) and the exit code say. Throws what the resources throw, and the reason of the signal.
 */
export async function streamExport(
  out: NodeJS.WritableStream,
  form: ExportForm,
  resources: AsyncIterable<unknown>,
  signal?: AbortSignal,
): Promise<Record<string, number>> {
  return await inBlocks(form, resources, signal, async (block) => {
    if (!out.write(block)) await once(out, 'drain', { ...(signal && { signal }) });
  });
}

async function written(
  file: FileHandle,
  draft: string,
  form: ExportForm,
  resources: AsyncIterable<unknown>,
  signal: AbortSignal | undefined,
): Promise<Record<string, number>> {
  const counts = await inBlocks(form, resources, signal, (block) => filing(draft, () => file.writeFile(block)));
  await filing(draft, () => file.sync());
  return counts;
}

/** Puts resources together as text, and gives it out block by block. */
async function inBlocks(
  form: ExportForm,
  resources: AsyncIterable<unknown>,
  signal: AbortSignal | undefined,
  write: (block: string) => Promise<void>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const isBundle = form === 'bundle';
  let block = '';
  let number = 0;
  for await (const resource of resources) {
    signal?.throwIfAborted();
    const { resourceType = 'unknown' } = resource as { resourceType?: string };
    counts[resourceType] = (counts[resourceType] ?? 0) + 1;
    number += 1;
    if (isBundle && number === 1) block = BUNDLE_BEGIN;
    // Unique within the Bundle, and nowhere to be found: what is by others' identifiers stays by these.
    if (isBundle) block += `${number === 1 ? '' : ',\n'}${JSON.stringify({ fullUrl: `urn:uuid:${uuidOf(number)}`, resource })}`;
    else block += `${JSON.stringify(resource)}\n`;
    if (block.length < BLOCK_CHARS) continue;
    await write(block);
    block = '';
  }
  if (isBundle) block += number === 0 ? `${BUNDLE_BEGIN}\n]}\n` : '\n]}\n';
  await write(block);
  return counts;
}

function uuidOf(number: number): string {
  return `00000000-0000-8000-8000-${number.toString(16).padStart(12, '0')}`;
}

async function filing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new VitalmeshError('PATIENT-FILE', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}
