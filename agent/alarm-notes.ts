import type { SourceConfig } from './config.ts';
import { profileOrFile } from './profiles.ts';

/** Of which HL7 sources nothing is known about alarms, one line each, for an operator. Reads dialect files. Throws CONFIG-*. */
export function alarmNotes(sources: readonly SourceConfig[]): string[] {
  return sources.flatMap((source) => {
    if (!('profile' in source)) return [];
    const profile = profileOrFile(source.profile);
    if (profile.kind !== 'hl7' || profile.dialect.alarms.form !== 'IHE PCD-04') return [];
    const byName =
      source.profile === 'hl7-pcd01' ? ' This is what a source without a profile is read as: name the profile of the device.' : '';
    return [
      `Source ${source.name} (${profile.name}): nothing is known of the alarms of its devices before one sent an alert (PCD-04).${byName}`,
    ];
  });
}
