import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FeedConfig, feedConfig } from '../../../../hub/audit/feed/config.ts';
import { receiverOf } from '../../../../hub/audit/feed/receiver.ts';
import { RECEIVERS_STEP } from '../../../../hub/audit/feed/sqlite-places.ts';
import { STORE_MIGRATIONS } from '../../../../hub/store/schema.ts';
import { openSqliteStore } from '../../../../hub/store/sqlite.ts';
import { Metrics } from '../../../../shared/metrics.ts';
import { openDatabase } from '../../../../shared/storage/database.ts';
import { aReceiver } from '../../../contract/store-feed.ts';
import { verifies } from '../../../requirements.ts';

const SYSLOG = { type: 'syslog', host: 'siem.example', port: 6514, caFile: 'ca.pem' };
const idOf = (given: object): string => receiverOf(feedConfig.parse(given) as FeedConfig).id;

test('another file, host, port, service or authority is another receiver; how it is fed makes none', () => {
  verifies('FEED-EACH-RECEIVER');
  const others = [
    SYSLOG,
    { type: 'file', path: 'evidence.jsonl' },
    { type: 'file', path: 'other.jsonl' },
    { ...SYSLOG, host: 'siem-2.example' },
    { ...SYSLOG, port: 6515 },
    { ...SYSLOG, caFile: 'other.pem' },
    { ...SYSLOG, service: 'siem-syslog' },
    { ...SYSLOG, service: 'siem-other' },
  ];
  assert.equal(new Set(others.map(idOf)).size, others.length);
  for (const same of [{ begin: 'now' }, { heartbeatSeconds: 5, confirmSeconds: 5 }, { host: 'SIEM.example' }, { subjects: false }])
    assert.equal(idOf({ ...SYSLOG, ...same }), idOf(SYSLOG));
  assert.equal(
    idOf({ ...SYSLOG, service: 'siem-syslog', port: 7 }),
    idOf({ ...SYSLOG, service: 'siem-syslog' }),
    'behind a service no port counts',
  );
  assert.equal(receiverOf(feedConfig.parse(SYSLOG)).begin, 'first', 'nothing is left out unless somebody wants it');
});

test('a store that kept one place for whoever was fed goes on from it with the first receiver that is named', async () => {
  verifies('FEED-EACH-RECEIVER');
  const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-places-'));
  const [path, key] = [join(dir, 'hub.db'), randomBytes(32)];
  try {
    {
      using old = openDatabase({ path, key, migrations: STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(RECEIVERS_STEP)) });
      old.write(() => old.prepare("INSERT INTO auditFeed (only, seq, hash) VALUES (1, 7, x'07')").run());
    }
    await using store = openSqliteStore({ path, key, metrics: new Metrics() });
    const { feedPlaces } = store;
    assert.deepEqual(
      (await feedPlaces.receivers()).map(({ id, confirmed }) => [id, confirmed]),
      [['', 7]],
    );
    assert.equal((await feedPlaces.take(aReceiver('siem'), 1))?.seq, 7);
    assert.equal((await feedPlaces.take(aReceiver('other'), 1))?.seq, 0);
    assert.deepEqual(
      (await feedPlaces.receivers()).map(({ id, to }) => [id, to]),
      [
        ['other', 'other port 6514'],
        ['siem', 'siem port 6514'],
      ],
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
