import { type Instant, parseInstant } from '../../shared/clock.ts';
import { defined } from '../../shared/defined.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Principal } from '../access/access.ts';
import type { CallContext, Door, LatestView, ShownPatient } from '../access/door.ts';
import { SANDBOX_NOTICE } from '../access/views.ts';
import type { PatientPlace, Registry } from '../registry/registry.ts';
import type { SiteFile } from './site-file.ts';

/** By what something is told of patients over the door: what the reader may see, where they are, and the site's file that says of whom what is told. */
export interface OverTheDoor<T> {
  door: Pick<Door, 'latest' | 'trend' | 'patientBehind'>;
  registry: Pick<Registry, 'patient' | 'isSandbox'>;
  rules: Pick<SiteFile<T>, 'current'>;
}

/** Who asks of whom, with what is current of them as the reader is shown it. */
export interface Asked {
  principal: Principal;
  /** As the reader knows the patient. */
  name: string;
  place: PatientPlace;
  latest: LatestView;
  /** Now, by the times of the reader: whoever is masked knows others. */
  now: Instant;
  isSandbox: boolean;
  /** Of further reads, which are part of the same call. */
  context: CallContext;
}

/** Looks at what is current, decided and recorded as any read. Throws as `Door.latest` does. */
export async function asking(
  { door, registry }: Pick<OverTheDoor<unknown>, 'door' | 'registry'>,
  principal: Principal,
  name: string,
  context: CallContext,
): Promise<Asked> {
  const latest = await door.latest(principal, name, context);
  const now = parseInstant(latest.asOf)?.at;
  if (now === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a view without its time' });
  const patient = door.patientBehind(principal, name) ?? name;
  const place = registry.patient(principal.tenant, patient) ?? { patient, bed: null };
  const isSandbox = registry.isSandbox(principal.tenant);
  return { principal, name, place, latest, now, isSandbox, context: { ...context, followed: true } };
}

/** A notice as a reader gets it. */
export function noticeIn(isSandbox: boolean, notice: string): string {
  return isSandbox ? `${SANDBOX_NOTICE} ${notice}` : notice;
}

/** Whose a view is, for another one of the same patient. */
export function whoseOf({ patient, bed, ...place }: ShownPatient): ShownPatient {
  const { mergedFrom, alsoKnownAs, ward, admitted, discharged, leftBed, unplaced, zone } = place;
  return { patient, bed, ...defined({ mergedFrom, alsoKnownAs, ward, admitted, discharged, leftBed, unplaced, zone }) };
}
