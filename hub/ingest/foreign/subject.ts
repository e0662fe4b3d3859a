import { IDENTIFIER_SYSTEMS } from '../../../shared/observation-code.ts';
import { PATIENT_SYSTEM } from '../../patients/subject.ts';
import type { GatewayEntry } from '../../registry/registry.ts';
import { fields, text } from './fields.ts';
import { identifierOf, identifierText, unversioned } from './reference.ts';

/**
 * Whether everything by which a FHIR client names its subject stands in the registry for the patient that the binding decided on: its reference
 * without version, its identifier as `system|value`. A client may know many people of whom the hub knows nothing, so what is not listed is nobody's.
 * What `subjectOf` has checked itself names nobody besides: our own patient id, a bed, the client's own device.
 */
export function isListedSubject(subject: unknown, { identity, subjects = {} }: GatewayEntry, patient: string | null): boolean {
  const { reference, identifier } = fields(subject);
  const names: string[] = [];
  const given = text(reference);
  if (given !== undefined) names.push(unversioned(given));
  const stated = identifierOf(identifier);
  if (stated) {
    const { system, value } = stated;
    const isOwn = system === IDENTIFIER_SYSTEMS.gatewayDevice && value.startsWith(`${identity}/`);
    if (!isOwn && system !== PATIENT_SYSTEM && system !== IDENTIFIER_SYSTEMS.bed) names.push(identifierText(stated));
  }
  return names.every((name) => Object.hasOwn(subjects, name) && subjects[name] === patient);
}
