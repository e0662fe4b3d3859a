import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openClinical } from '../../../../hub/clinical/open-clinical.ts';
import { Feed } from '../../../../hub/feed.ts';
import { parseRegistry } from '../../../../hub/registry/load-registry.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { verifies } from '../../../requirements.ts';
import { boundSinceEver, TEST_REGISTRY, TestClock } from '../../../support/hub.ts';

const fileOf = (version: string, window: string): string =>
  `version: ${version}\npanels: { heart: { weight: [{ window: '${window}' }] } }\n`;

test('the file of expected readings is read again, each change recorded first; one with an error leaves the last good one, and says so', async () => {
  verifies('DUE-FILE');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-expected-'));
  try {
    const expected = join(folder, 'expected.yaml');
    writeFileSync(expected, fileOf('v1', '07:00-09:00'));
    const recorded: string[] = [];
    const clinical = openClinical(
      { expected },
      {
        ...{ store: { currencies: () => [], distrust: async () => undefined }, registry: boundSinceEver(parseRegistry(TEST_REGISTRY)) },
        ...{
          feed: new Feed(),
          clock: new TestClock(),
          zone: 'Europe/Berlin',
          log: silentLogger,
          isAlone: true,
          isBound: () => true,
          overdueSince: () => undefined,
        },
        record: async (row) => {
          recorded.push(`${row} while ${clinical.expected.current.rules.version} is in force`);
        },
      },
    );
    assert.equal(clinical.expected.current.rules.version, 'v1');
    writeFileSync(expected, fileOf('v2', '08:00-10:00'));
    await clinical.reload();
    assert.equal(clinical.expected.current.rules.version, 'v2');
    assert.deepEqual(recorded, ['expected while v1 is in force']);
    writeFileSync(expected, fileOf('v3', '8-10'));
    await clinical.reload();
    assert.equal(clinical.expected.current.rules.version, 'v2');
    assert.deepEqual(
      clinical.notInForce().map(({ file, code }) => [file, code]),
      [[expected, 'CLINICAL-INVALID']],
    );
    assert.throws(() => openClinical({ expected: join(folder, 'none.yaml') }, {} as never), { code: 'CLINICAL-INVALID' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
