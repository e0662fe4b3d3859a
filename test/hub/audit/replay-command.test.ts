import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { ReplayStep } from '../../../hub/audit/replay.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { TEST_EPOCH } from '../../support/hub.ts';

import { rowsOf } from '../../support/operator-command.ts';
import { auditSite as site } from './audit-site.ts';

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`what a principal asked and was shown is replayed in order ${where}, with values and proof, and that is recorded`, async () => {
    verifies('AUDIT-REPLAY');
    await site(
      async ({ audit, hub }) => {
        const ran = await audit('replay', '--as', 'ai-nurse', '--json');
        const steps = rowsOf<ReplayStep>(ran);
        assert.deepEqual(
          steps.map(({ action, outcome, rebuilt, shown }) => [action, outcome, rebuilt, shown.length]),
          [
            ['vitals.read', 'allowed', 'same', 2],
            ['patients.list', 'allowed', 'kind', 0],
            ['vitals.read', 'denied', 'none', 0],
          ],
        );
        const values = steps[0]?.shown.map(({ observation, kept }) => [observation, kept?.vital, kept?.value]) ?? [];
        assert.deepEqual(
          values.toSorted(([a = ''], [b = '']) => (String(a) < String(b) ? -1 : 1)),
          [
            [`gw-icu.${TEST_EPOCH}.1.0`, 'hr', 72],
            [`gw-icu.${TEST_EPOCH}.2.0`, 'spo2', 97],
          ],
        );
        const local = (await evidenceOf(hub.store)).filter(({ principal }) => principal.startsWith('local:'));
        assert.deepEqual(
          local.map(({ action, patient, count }) => [action, patient, count]),
          [
            ['audit.read', null, 0],
            ['observations.export', 'pat-icu-01', 2],
            ['observations.export', 'pat-icu-01', 2],
            ['audit.read', null, 3],
          ],
        );
        assert.deepEqual([local[0]?.detail?.args?.principal, local[0]?.detail?.args?.replay], ['ai-nurse', true]);
        assert.equal(local[3]?.detail?.response, hash('sha256', ran.stdout));
        const people = await audit('replay', '--as', 'ai-nurse');
        assert.match(people.stdout, /exactly this was shown/);
        assert.match(people.stdout, / hr 72 /);
        assert.equal((await audit('replay', '--as', 'ai-nurse', '--from', '2030-01-01T00:00:00Z')).stdout, '');
        assert.match((await audit('replay')).stderr, /^USAGE/);
      },
      { running },
    );
  });
}

test('a replay by whom the policy gives no values shows which observations it was, and says so', async () => {
  verifies('AUDIT-REPLAY');
  const rules = DEFAULT_POLICY.rules.map((rule) => ({ ...rule, actions: rule.actions.filter((name) => name !== 'observations.export') }));
  await site(
    async ({ audit }) => {
      const [step] = rowsOf<ReplayStep>(await audit('replay', '--as', 'ai-nurse', '--json'));
      assert.deepEqual([step?.rebuilt, step?.shown.length, step?.shown.some(({ kept }) => kept)], ['withheld', 2, false]);
    },
    { policy: { ...DEFAULT_POLICY, rules } },
  );
});
