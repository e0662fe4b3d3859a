import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from './cache.ts';
import { type ForeignClient, LIMIT_MS, type Seen } from './visit.ts';

const PROGRAM = join(import.meta.dirname, 'client.py');

/** The Python package `mcp` 2.3.0, which asks for the newer revision first (`auto`) unless it is told otherwise. */
export const python: ForeignClient = async ({ place, era, patient, uri, updates }) => {
  const args = [PROGRAM, JSON.stringify(place), era === 'modern' ? '2026-07-28' : era, patient, uri, String(updates)];
  const { stdout } = await promisify(execFile)(join(CACHE, 'python', 'bin', 'python'), ['-W', 'ignore', ...args], { timeout: LIMIT_MS });
  return JSON.parse(stdout) as Seen;
};
