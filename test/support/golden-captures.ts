import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Profile } from '../../agent/decoding.ts';
import { fileProfile, profile } from '../../agent/profiles.ts';

const CAPTURES = join(import.meta.dirname, '../golden/captures');

/** How the captures of a folder are read: by the profile of its name, or by the dialect file beside them, as `decode --profile` takes it. */
export function captureProfileName(folder: string): string {
  const file = join(CAPTURES, folder, 'site.yaml');
  return existsSync(file) ? file : folder;
}

export function captureProfile(folder: string): Profile {
  const name = captureProfileName(folder);
  return name === folder ? profile(folder) : fileProfile(name);
}

/** What `decode` is told for a capture. */
export function captureOptions(folder: string, name: string): string[] {
  return [
    '--profile',
    captureProfileName(folder),
    '--zone',
    'Europe/Berlin',
    '--patient',
    'P-0009',
    ...(name.startsWith('waves') ? ['--waves'] : []),
  ];
}
