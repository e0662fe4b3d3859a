import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describedBy, describedSchema } from '../../../../hub/mcp/surface/vitals/view.ts';
import { PANELS, VITALS } from '../../../../shared/vitals.ts';
import { verifies } from '../../../requirements.ts';
import { WAYS } from '../support.ts';
import { answerOf, served } from './served.ts';

for (const way of WAYS) {
  test(`${way.revision}: a vital sign is described by the table, and of no patient`, async () => {
    verifies('MCP-DESCRIBE');
    await using site = await served();
    await using client = await site.client(way);
    const { data, text } = await answerOf(client, ['describe_vital', { search: 'SpO2' }], describedSchema);
    const [row] = data.vitals;
    assert.deepEqual([data.total, row?.vital, row?.unit, row?.kind], [1, 'spo2', '%', 'continuous']);
    assert.deepEqual(
      [row?.plausible, row?.staleAfterSeconds],
      [
        { min: 0, max: 100 },
        { inBed: 60, atHome: 60 },
      ],
    );
    assert.match(text, /plausible \(not normal\) 0 to 100/);
    assert.match(text, /no normal ranges and no alarm limits/);
    const { data: none, text: said } = await answerOf(client, ['describe_vital', { search: 'favourite colour' }], describedSchema);
    assert.deepEqual([none.total, none.vitals], [0, []]);
    assert.match(said, /No vital sign of this hub matches/);
    assert.deepEqual((await client.call('describe_vital', { search: '  ' })).isError, true);
  });
}

test('every row and every panel is found by its key alone; words and codes find what they mean', () => {
  verifies('MCP-DESCRIBE');
  for (const { key } of [...VITALS, ...PANELS])
    assert.deepEqual(
      describedBy(key, 9).vitals.map((row) => row.vital),
      [key],
    );
  assert.deepEqual(
    describedBy('heart-rate', 9).vitals.map((row) => row.vital),
    ['hr', 'pr_oxi', 'pr', 'pr_nibp'],
  );
  assert.ok(describedBy('blood pressure', 40).vitals.some(({ parts }) => parts?.includes('nibp_s')));
  assert.deepEqual(
    describedBy('mdc_resp_rate', 9).vitals.map((row) => row.vital),
    ['rr'],
  );
  assert.deepEqual(
    describedBy('150020', 9).vitals.map((row) => row.vital),
    ['nibp'],
  );
  assert.equal(describedBy('nibp_s', 9).vitals[0]?.partOf, 'nibp');
  const cut = describedBy('pressure', 2);
  assert.deepEqual([cut.vitals.length, cut.truncated, cut.total > 2], [2, true, true]);
});
