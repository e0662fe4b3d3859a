import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DecodeContext, Hl7Profile } from '../../agent/decoding.ts';
import { resourcesOf } from '../../agent/resources.ts';
import { checkRecord } from '../../shared/reading-check.ts';
import { captureProfile } from './golden-captures.ts';

const CAPTURES = join(import.meta.dirname, '../golden/captures');
const CONTEXT: DecodeContext = { source: 'fuzz', zone: 'Europe/Berlin', test: true, waves: true, maxFrameBytes: 64 * 1024 };
const KEY = { agent: 'fuzz', epoch: '0000000000000', seq: 1 };
const RECEIVED_AT = Date.UTC(2026, 10, 21, 9);
/** Nothing of a message may be kept: what is left after thousands are caches, and they are bounded. */
const MAX_GROWTH_BYTES = 16 * 1024 * 1024;

/** Dialects that have captures, by folder. */
export const HL7_FOLDERS = [...new Set(globSync('hl7-*/*.hl7', { cwd: CAPTURES }).map((file) => file.split('/')[0] ?? ''))].sort();

/** What a dialect's device sent. */
export function hl7Captures(folder: string): Buffer[] {
  return globSync(`${folder}/*.hl7`, { cwd: CAPTURES })
    .sort()
    .map((file) => readFileSync(join(CAPTURES, file)));
}

export function hl7CaptureProfile(folder: string): Hl7Profile {
  const found = captureProfile(folder);
  assert.ok(found.kind === 'hl7');
  return found;
}

/**
 * Reads a stream cut in two. All that comes out is whole: records that the hub will take, replies in MLLP blocks, and no more kept for
 * quarantine than was sent.
 */
export function readWhole(profile: Hl7Profile, bytes: Uint8Array, cut: number): { records: number; rejected: number } {
  const decoder = profile.decoder(CONTEXT);
  const parts = [
    ...decoder.push(bytes.subarray(0, cut), RECEIVED_AT),
    ...decoder.push(bytes.subarray(cut), RECEIVED_AT),
    ...decoder.end(RECEIVED_AT),
  ];
  let records = 0;
  let rejected = 0;
  let kept = 0;
  for (const part of parts) {
    rejected += part.rejected.length;
    for (const { raw } of part.rejected) kept += raw?.length ?? 0;
    for (const record of part.records) {
      records += 1;
      assert.equal(checkRecord(record), undefined);
      assert.ok(resourcesOf(record, KEY).length > 0);
      assert.equal(record.test, true);
    }
    for (const reply of [part.reply?.stored, part.reply?.failed]) if (reply && reply.length > 0) assertFramed(reply);
  }
  // A device that is not listed keeps its message as a whole, beside bad rows of it; decoded text may be longer in UTF-8.
  assert.ok(kept <= bytes.length * 4 + 64, `${kept} bytes kept of ${bytes.length}`);
  return { records, rejected };
}

function assertFramed(reply: Uint8Array): void {
  const text = Buffer.from(reply).toString('latin1');
  assert.ok(text.startsWith('\x0bMSH') && text.endsWith('\r\x1c\r') && !text.slice(1, -2).includes('\x1c'));
}

/** Runs something, and asserts that it leaves the heap as it was. `warmUp` fills what is kept for good. */
export function watchHeap(warmUp: () => void, run: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  warmUp();
  collect();
  const before = process.memoryUsage().heapUsed;
  run();
  collect();
  const growth = process.memoryUsage().heapUsed - before;
  assert.ok(growth < MAX_GROWTH_BYTES, `${growth} bytes are still in use`);
  return growth;
}
