import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VitalmeshError } from '../../../shared/errors.ts';

const MARK = 0x67;
const DIGEST_BYTES = 6;
/** Base64 of what a group of 24,000 needs. */
export const MAX_GROUP_CURSOR = 4096;

/** By which a tool is told of the page before; `same`: with what it is to be given again. */
export function cursorArgument(same: 'group' | 'question') {
  return z.string().max(MAX_GROUP_CURSOR).optional().describe(`nextCursor of the page before, with the same ${same}.`);
}

/**
 * Of a group whose order changes from call to call, who was not shown yet: the cursor says who was, one bit a member. So pages leave nobody out and repeat nobody, whoever got worse
 * meanwhile; of a group that is another by now it is refused. Throws MCP-CURSOR.
 */
export function notShown<Member extends { patient: string }>(members: readonly Member[], cursor: string | undefined): Member[] {
  if (cursor === undefined) return [...members];
  const ids = sorted(members);
  const said = Buffer.from(cursor, 'base64url');
  const head = headOf(ids);
  const isOurs = said.length === head.length + Math.ceil(ids.length / 8) && said.subarray(0, head.length).equals(head);
  if (!isOurs || said.toString('base64url') !== cursor) throw new VitalmeshError('MCP-CURSOR');
  const bits = said.subarray(head.length);
  const seen = new Set(ids.filter((_, i) => ((bits[i >> 3] ?? 0) >> (i & 7)) & 1));
  return members.filter(({ patient }) => !seen.has(patient));
}

/** For the next page, when `left` are still to be shown. */
export function cursorOf(members: readonly { patient: string }[], left: readonly { patient: string }[]): string {
  const ids = sorted(members);
  const waiting = new Set(left.map(({ patient }) => patient));
  const bits = Buffer.alloc(Math.ceil(ids.length / 8));
  for (const [i, id] of ids.entries()) if (!waiting.has(id)) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
  return Buffer.concat([headOf(ids), bits]).toString('base64url');
}

function sorted(members: readonly { patient: string }[]): string[] {
  return members.map(({ patient }) => patient).sort();
}

function headOf(ids: readonly string[]): Buffer {
  const digest = createHash('sha256').update(JSON.stringify(ids)).digest();
  return Buffer.concat([Buffer.of(MARK), digest.subarray(0, DIGEST_BYTES)]);
}
