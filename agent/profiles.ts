import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../shared/config.ts';
import { VitalmeshError } from '../shared/errors.ts';
import { nearest } from '../shared/nearest.ts';
import type { Profile } from './decoding.ts';
import { DEVICES } from './devices/index.ts';
import { loadDialect } from './hl7/dialect-file.ts';
import { DIALECTS } from './hl7/dialects/index.ts';
import { hl7Profile } from './hl7/read.ts';
import { loadMapping } from './mappings/mapping.ts';
import { mappingProfile } from './mappings/profile.ts';

/** Mappings that come with Vitalmesh, beside this file in the repository and in the package. */
const MAPPINGS = ['home-hub.yaml'];

/** Every way of reading bytes that there is. */
export const PROFILES: readonly Profile[] = [
  ...DEVICES,
  ...DIALECTS.map(hl7Profile),
  ...MAPPINGS.map((file) => mappingProfile(loadMapping(join(import.meta.dirname, 'mappings', file)))),
];

/** A way of reading bytes out of a .yaml file: a mapping of MQTT payloads by its name (`mqtt-…`), else a dialect of HL7. Throws MAPPING-INVALID, CONFIG-*. */
export function fileProfile(path: string): Profile {
  const { name } = loadConfig(z.looseObject({ name: z.string() }), path, { code: 'MAPPING-INVALID' });
  return name.startsWith('mqtt-') ? mappingProfile(loadMapping(path)) : hl7Profile(loadDialect(path));
}

/** The profile of a name, or out of a .yaml file. Throws as `fileProfile` and `profile` do. */
export function profileOrFile(name: string): Profile {
  return /\.ya?ml$/.test(name) ? fileProfile(name) : profile(name);
}

/** The profile of a name. Throws DECODE-PROFILE with the nearest one. */
export function profile(name: string): Profile {
  const found = PROFILES.find((candidate) => candidate.name === name);
  if (found) return found;
  const guess = nearest(
    name,
    PROFILES.map((candidate) => candidate.name),
  );
  throw new VitalmeshError('DECODE-PROFILE', guess ? { detail: `did you mean '${guess}'?` } : {});
}
