import { defined } from '../../shared/defined.ts';
import type { ShownPlace } from '../clinical/surroundings.ts';
import type { PatientPlace, Registry } from '../registry/registry.ts';
import type { AccessContext, Action, Decision, Principal } from './access.ts';
import { decide } from './decide.ts';
import type { Masked, Masking, Maskings } from './masking/contract.ts';
import { isPseudonym } from './masking/pseudonyms.ts';
import { resourceOf } from './resource.ts';

/** What is decided about whom a caller names. */
export interface Meant {
  decision: Decision;
  /** The patient's own id; undefined where nobody was named, or nobody of the tenant is. */
  patient: string | undefined;
  /** Where that patient was when it was decided: who may see somebody there is not to be told where they went while it was answered. */
  place: Place | undefined;
  masking: Masking;
}

export type Place = ShownPlace;

export interface Naming {
  registry: Pick<Registry, 'patient' | 'patients'>;
  maskings: Maskings;
}

const PROFILES: readonly Masked[] = ['limited', 'deidentified'];

/**
 * Decides about the patient that a caller names as it knows it: by a pseudonym of its own where it is masked, else by the opaque id. Whoever is masked knows nobody by
 * their id, and the pseudonym of another principal, or of another profile, is nobody's: then the decision is one about a stranger. An id that was merged into another
 * means that one.
 */
export function meant(
  { principal, action }: { principal: Principal; action: Action },
  shown: string | undefined,
  context: AccessContext,
  naming: Naming,
): Meant {
  const { tenant } = principal;
  const { registry, maskings } = naming;
  const named = shown !== undefined && isPseudonym(shown) ? behind(principal, shown, naming) : undefined;
  const asked = named?.patient ?? shown;
  const known = asked === undefined ? undefined : registry.patient(tenant, asked);
  const resource = resourceOf(registry, tenant, known?.patient ?? asked, known ?? {});
  const decision: Decision = decide(principal, action, resource, context);
  const masking = maskings.of(principal, decision.obligations.mask);
  if (shown === undefined) return { decision, patient: undefined, place: undefined, masking };
  const profile = named?.profile ?? 'none';
  const isItsName = !decision.allow || masking.profile === profile;
  const found = isItsName ? known : undefined;
  return { decision, patient: found?.patient, place: found && placeOf(found), masking };
}

function placeOf({ bed, ward, admitted, discharged, leftBed, unplaced, mergedFrom, alsoKnownAs }: PatientPlace): Place {
  return { bed, ...defined({ ward, admitted, discharged, leftBed, unplaced, mergedFrom, alsoKnownAs }) };
}

/** For whom of its tenant, and under which profile, a principal would know this pseudonym. */
export function behind(
  principal: Pick<Principal, 'id' | 'tenant'>,
  name: string,
  { registry, maskings }: Naming,
): { patient: string; profile: Masked } | undefined {
  const places = registry.patients(principal.tenant);
  for (const profile of PROFILES) {
    const patient = maskings.of(principal, profile).patientOf(
      name,
      places.values().map((place) => place.patient),
    );
    if (patient !== undefined) return { patient, profile };
  }
  return undefined;
}
