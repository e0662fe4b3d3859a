import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findPatients, type ListedPatient, type Search } from '../../../../hub/clinical/overview/find.ts';
import { verifies } from '../../../requirements.ts';

function row(patient: string, more: Partial<ListedPatient> = {}): ListedPatient {
  return { patient, bed: null, lastStoredAt: null, vitals: [], panels: [], ...more };
}

const ROWS = [
  row('pat-0001', { bed: 'ICU-1', ward: 'icu', panels: ['heart'] }),
  row('pat-0002', { bed: 'ICU-10', ward: 'icu' }),
  row('pat-0003', { bed: 'WEST-1', ward: 'west', panels: ['heart'] }),
  row('pat-00031', { panels: ['diabetes', 'heart'] }),
];

function found(search: Search) {
  const { match, rows } = findPatients(ROWS, search);
  return [match, ...rows.map(({ patient }) => patient.slice(4))];
}

test('what is said exactly finds one; the beginning of an id or a bed gives candidates, even where it fits one alone', () => {
  verifies('MCP-FIND-NO-GUESS');
  assert.deepEqual(found({}), ['all', '0001', '0002', '0003', '00031']);
  assert.deepEqual(found({ bed: 'ICU-1' }), ['exact', '0001']);
  assert.deepEqual(found({ bed: 'icu-1' }), ['exact', '0001']);
  assert.deepEqual(found({ bed: 'ICU' }), ['candidates', '0001', '0002']);
  assert.deepEqual(found({ bed: 'WEST' }), ['candidates', '0003']);
  assert.deepEqual(found({ bed: 'CU-1' }), ['none']);
  assert.deepEqual(found({ id: 'pat-0003' }), ['exact', '0003']);
  assert.deepEqual(found({ id: 'pat-000' }), ['candidates', '0001', '0002', '0003', '00031']);
  assert.deepEqual(found({ id: 'pat-0001', bed: 'ICU-10' }), ['none']);
  assert.deepEqual(found({ id: 'pat-0003', bed: 'WEST' }), ['candidates', '0003']);
});

test('a ward or a panel is a list, and never says that somebody alone on it was meant', () => {
  verifies('MCP-FIND-NO-GUESS');
  assert.deepEqual(found({ ward: 'ICU' }), ['group', '0001', '0002']);
  assert.deepEqual(found({ ward: 'west' }), ['group', '0003']);
  assert.deepEqual(found({ ward: 'wes' }), ['none']);
  assert.deepEqual(found({ panel: 'heart' }), ['group', '0001', '0003', '00031']);
  assert.deepEqual(found({ panel: 'heart', ward: 'icu' }), ['group', '0001']);
  assert.deepEqual(found({ panel: 'heart', bed: 'ICU-10' }), ['none']);
});

test('two beds of one name are both candidates', () => {
  verifies('MCP-FIND-NO-GUESS');
  const { match, rows } = findPatients([row('pat-0001', { bed: 'a-1' }), row('pat-0002', { bed: 'A-1' })], { bed: 'a-1' });
  assert.deepEqual([match, rows.length], ['candidates', 2]);
});

test('whoever is found is one of those who are listed, and exact means one alone', () => {
  verifies('MCP-FIND-NO-GUESS');
  const word = fc.constantFrom('', 'a', 'ab', 'A', 'b');
  const rows = fc.array(fc.record({ patient: word, bed: fc.option(word), ward: word, panels: fc.array(word, { maxLength: 2 }) }));
  const search = fc.record({ id: word, bed: word, ward: word, panel: word }, { requiredKeys: [] });
  fc.assert(
    fc.property(rows, search, (some, by) => {
      const all = some.map((one) => ({ ...one, lastStoredAt: null, vitals: [] }));
      const { match, rows: hits } = findPatients(all, by);
      assert.ok(hits.every((hit) => all.includes(hit)));
      assert.equal(match === 'none', hits.length === 0 && Object.keys(by).length > 0);
      if (match === 'exact') assert.equal(hits.length, 1);
      if (match === 'exact' && by.bed !== undefined) assert.equal(hits[0]?.bed?.toLowerCase(), by.bed.toLowerCase());
    }),
  );
});
