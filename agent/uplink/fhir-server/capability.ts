import { VitalmeshError } from '../../../shared/errors.ts';
import { isRecord, list, record } from './json.ts';

/** FHIR R4 and its technical correction (http://hl7.org/fhir/R4/history.html). */
const RELEASE_4 = /^4\.0\.\d{1,3}$/;
/** HAPI names transactions alone, and takes batches at the same place. */
const BUNDLES: readonly unknown[] = ['batch', 'transaction'];

/**
 * Sees from a parsed CapabilityStatement (FHIR R4 http.html#capabilities) that a server does what is needed. Conditional create must be
 * promised: a server without it may leave the condition aside, and store a reading again each time it is sent again. Throws FHIR-SERVER (no
 * such statement, another release) and FHIR-ABILITY.
 */
export function checkCapability(json: unknown): void {
  const { resourceType, fhirVersion, rest } = record(json);
  if (resourceType !== 'CapabilityStatement') throw new VitalmeshError('FHIR-SERVER', { detail: '/metadata is no CapabilityStatement' });
  if (typeof fhirVersion !== 'string' || !RELEASE_4.test(fhirVersion)) {
    const other = typeof fhirVersion === 'string' && /^\d[\w.-]{0,20}$/.test(fhirVersion) ? fhirVersion : 'another version';
    throw new VitalmeshError('FHIR-SERVER', { detail: `${other} of FHIR; 4.0 is needed` });
  }
  const server = list(rest).find(({ mode }) => mode === 'server');
  if (!list(server?.interaction).some(({ code }) => BUNDLES.includes(code))) throw lacking('batch');
  const observation = list(server?.resource).find(({ type }) => type === 'Observation');
  if (!isRecord(observation) || !list(observation.interaction).some(({ code }) => code === 'create'))
    throw lacking('create of Observation');
  if (observation.conditionalCreate !== true) throw lacking('conditionalCreate of Observation');
}

function lacking(what: string): VitalmeshError {
  return new VitalmeshError('FHIR-ABILITY', { detail: `its CapabilityStatement does not name: ${what}` });
}
