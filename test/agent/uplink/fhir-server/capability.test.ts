import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkCapability } from '../../../../agent/uplink/fhir-server/capability.ts';
import { asVitalmeshError, type ErrorCode } from '../../../../shared/errors.ts';
import { verifies } from '../../../requirements.ts';
import { capability } from '../../../support/fhir-server.ts';

/** `code detail` with which a statement is refused; undefined for one that is good. */
function refused(json: unknown): string | undefined {
  try {
    checkCapability(json);
    return undefined;
  } catch (thrown) {
    const { code, detail } = asVitalmeshError(thrown);
    return `${code} ${detail}`;
  }
}

function rest(changes: { interaction?: unknown; observation?: unknown; mode?: string }): Record<string, unknown> {
  const resource = { type: 'Observation', interaction: [{ code: 'create' }], conditionalCreate: true };
  const { interaction = [{ code: 'batch' }], observation = resource, mode = 'server' } = changes;
  return capability({ rest: [{ mode: 'client' }, { mode, interaction, resource: [{ type: 'Patient' }, observation] }] });
}

test('a server must be of release 4, take batches, and create Observations on condition', () => {
  verifies('FHIR-SERVER-CAPABLE');
  assert.equal(refused(capability()), undefined);
  assert.equal(refused(capability({ fhirVersion: '4.0.0' })), undefined);
  assert.equal(refused(rest({})), undefined);
  assert.equal(refused(rest({ interaction: [{ code: 'transaction' }, { code: 'history-system' }] })), undefined, 'as HAPI has it');
  const created = { type: 'Observation', interaction: [{ code: 'create' }] };
  const cases: [unknown, ErrorCode, RegExp][] = [
    [capability({ fhirVersion: '4.3.0' }), 'FHIR-SERVER', /4\.3\.0 of FHIR; 4\.0 is needed/],
    [capability({ fhirVersion: '5.0.0' }), 'FHIR-SERVER', /5\.0\.0/],
    [capability({ fhirVersion: '4.0.1; rm -rf /' }), 'FHIR-SERVER', /another version/],
    [capability({ fhirVersion: undefined }), 'FHIR-SERVER', /another version/],
    [capability({ resourceType: 'Conformance' }), 'FHIR-SERVER', /CapabilityStatement/],
    ['<html>', 'FHIR-SERVER', /CapabilityStatement/],
    [capability({ rest: undefined }), 'FHIR-ABILITY', /batch/],
    [rest({ mode: 'client' }), 'FHIR-ABILITY', /batch/],
    [rest({ interaction: [{ code: 'search-system' }] }), 'FHIR-ABILITY', /batch/],
    [rest({ observation: { type: 'Encounter' } }), 'FHIR-ABILITY', /: create of Observation/],
    [rest({ observation: { ...created, interaction: [{ code: 'read' }], conditionalCreate: true } }), 'FHIR-ABILITY', /: create of/],
    [rest({ observation: created }), 'FHIR-ABILITY', /conditionalCreate/],
    [rest({ observation: { ...created, conditionalCreate: false } }), 'FHIR-ABILITY', /conditionalCreate/],
    [rest({ observation: { ...created, conditionalCreate: 'true' } }), 'FHIR-ABILITY', /conditionalCreate/],
  ];
  for (const [json, code, detail] of cases) {
    const text = refused(json) ?? 'taken';
    assert.ok(text.startsWith(`${code} `), text);
    assert.match(text, detail);
  }
});

test('anything else in its place is refused with a code', () => {
  verifies('FHIR-SERVER-CAPABLE');
  fc.assert(
    fc.property(fc.jsonValue(), (json) => assert.match(refused(json) ?? '', /^FHIR-SERVER /)),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), (json) => assert.match(refused(capability({ rest: json })) ?? '', /^FHIR-ABILITY /)),
    { numRuns: 200 },
  );
});
