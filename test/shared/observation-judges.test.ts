import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fhirFaults } from '../support/fhir-valid.ts';
import { observationGoldens } from '../support/goldens.ts';

// biome-ignore lint/suspicious/noExplicitAny: a test breaks what the types forbid
type Broken = any;

describe('The judges of Observations', () => {
  it('see what is wrong, so that their silence means something', () => {
    const goldens = observationGoldens();
    const cases: [string, RegExp, (o: Broken) => void][] = [
      ['spo2', /status/, (o) => (o.status = 'done')],
      ['spo2', /subject/, (o) => delete o.subject],
      ['spo2', /subject: not by identifier alone/, (o) => (o.subject.display = 'N')],
      ['spo2', /time:/, (o) => (o.effectiveDateTime = '2026-11-21T10:00:00.000')],
      ['spo2', /dateTime/, (o) => (o.effectiveDateTime = '2026-13-01T10:00:00.000+00:00')],
      ['spo2', /OxygenSatCode/, (o) => o.code.coding.splice(0, 1)],
      ['spo2', /check digit/, (o) => (o.code.coding[1].code = '59408-6')],
      ['spo2', /not a UCUM unit/, (o) => (o.valueQuantity.code = 'percent')],
      ['spo2', /not a UCUM unit/, (o) => (o.valueQuantity.system = 'https://unitsofmeasure.org')],
      ['spo2', /vs-2|data absent/i, (o) => delete o.valueQuantity],
      ['spo2', /beside dataAbsentReason/, (o) => (o.dataAbsentReason = { text: 'x' })],
      ['spo2', /Unexpected property/, (o) => (o.colour = 'red')],
      ['spo2', /VSCat/, (o) => (o.category[0].coding[0].code = 'exam')],
      ['nibp', /8480-6 is there 0 times/, (o) => o.component.splice(0, 1)],
      ['nibp', /not in mm\[Hg\]/, (o) => (o.component[0].valueQuantity.code = 'kPa')],
      ['nibp', /both or neither/, (o) => delete o.component[0].valueQuantity],
      ['weight-lb', /meta.profile/, (o) => (o.meta.profile = ['http://example.org/mine'])],
    ];
    for (const [name, expected, breakIt] of cases) {
      const observation = structuredClone(goldens.find((g) => g.name === `${name}.json`)?.observations[0] ?? assert.fail(name));
      assert.deepEqual(fhirFaults(observation), [], name);
      breakIt(observation);
      assert.match(fhirFaults(observation).join('\n'), expected, name);
    }
  });
});
