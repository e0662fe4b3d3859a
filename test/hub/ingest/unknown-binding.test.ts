import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeBackup } from '../../../hub/backup/backup.ts';
import { createRecoveryKey } from '../../../hub/backup/recovery-key.ts';
import { restoreBackup } from '../../../hub/backup/restore.ts';
import { Feed } from '../../../hub/feed.ts';
import { createIngest } from '../../../hub/ingest/create-ingest.ts';
import { LiveRegistry } from '../../../hub/registry/live-registry.ts';
import { type ListedRegistry, parseRegistry } from '../../../hub/registry/load-registry.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createKeyFile } from '../../../shared/storage/key-file.ts';
import { verifies } from '../../requirements.ts';
import { sampleBundle, sampleObservation, TEST_NOW, TestClock } from '../../support/hub.ts';

const HOUR = 60 * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-unknown-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function listing(patient: string, confirmed?: number): ListedRegistry {
  const confirms = confirmed === undefined ? '' : `, confirmed: '${new Date(confirmed).toISOString()}'`;
  return parseRegistry(`gateways:\n  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: ${patient} }${confirms} }\n`);
}

/** A hub that starts with what its registry says now. */
async function start(name: string, clock: TestClock, listed: ListedRegistry, isTimeKnown = true) {
  const store = openSqliteStore({ path: join(folder, `${name}.db`), keyFile: join(folder, `${name}.key`), metrics: new Metrics(), clock });
  const registry = new LiveRegistry(listed, await store.rebind(listed.bindings(), clock.now(), isTimeKnown));
  const ingest = createIngest({ store, registry, feed: new Feed(), metrics: new Metrics(), clock });
  return {
    store,
    read: async (next: ListedRegistry) => registry.replace(next, await store.rebind(next.bindings(), clock.now())),
    async send(seq: number, at: number) {
      const bundle = sampleBundle([sampleObservation({ seq, effective: at, receivedAt: at })]) as Record<string, unknown>;
      const { outcomes } = await ingest.batch('gw-icu', { ...bundle, timestamp: new Date(clock.now()).toISOString() });
      return `${outcomes[0]?.status} ${outcomes[0]?.code ?? ''}`.trim();
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

test('what was measured between a backup and its restore is nobody’s, though the bed has today whom it had then, until somebody confirms', async () => {
  verifies('SUBJECT-BY-HUB', 'NO-SILENT-DROP');
  const clock = new TestClock(TEST_NOW);
  const recoveryKeyFile = join(folder, 'recovery.key');
  const recipients = [createRecoveryKey(recoveryKeyFile)];
  createKeyFile(join(folder, 'first.key'));
  const backup = join(folder, 'backup');
  const BERT = TEST_NOW + 3 * HOUR;
  {
    await using first = await start('first', clock, listing('pat-icu-anna'));
    clock.advance(HOUR);
    assert.equal(await first.send(1, clock.now()), '201');
    await makeBackup({ store: first.store, to: backup, recipients, clock });
    clock.advance(HOUR);
    await first.read(listing('pat-icu-bert'));
    clock.set(BERT);
    assert.equal(await first.send(2, BERT), '201');
    clock.advance(HOUR);
    await first.read(listing('pat-icu-anna'));
  }
  clock.advance(HOUR);
  const restored = clock.now();
  const place = { to: join(folder, 'second.db'), keyFile: join(folder, 'second.key') };
  await restoreBackup({ from: backup, recoveryKeyFile, ...place, clock, uid: 1000 });
  clock.advance(HOUR);
  const refused = '422 INGEST-BEFORE-BINDING';
  for (const run of ['first', 'again'])
    await (async () => {
      await using second = await start('second', clock, listing('pat-icu-anna'));
      assert.equal(await second.send(2, BERT), refused, run);
      assert.equal(await second.send(3, TEST_NOW + HOUR - 60_000), refused, 'within what a clock may be off');
      assert.equal(await second.send(4, restored), refused, 'until the registry was read');
      clock.advance(HOUR);
      assert.equal(await second.send(run === 'first' ? 5 : 6, clock.now()), '201', 'from then on');
      assert.equal(await second.send(run === 'first' ? 7 : 8, TEST_NOW + HOUR / 2), '201', 'before the backup');
    })();
  await using third = await start('second', clock, listing('pat-icu-anna', restored - 1));
  assert.equal(await third.send(2, BERT), refused, 'confirmed before the restore');
  await third.read(listing('pat-icu-anna', clock.now() + 1));
  assert.equal(await third.send(2, BERT), refused, 'confirmed for what is yet to come');
  await third.read(listing('pat-icu-anna', clock.now()));
  assert.equal(await third.send(2, BERT), '201', 'confirmed');
});

test('a hub that does not know the time takes nothing, and once it does, nothing that was measured before', async () => {
  verifies('SUBJECT-BY-HUB', 'NEW-STORE-NOBODYS');
  createKeyFile(join(folder, 'clockless.key'));
  const floor = TEST_NOW - 30 * 24 * HOUR;
  const clock = new TestClock(floor);
  const listed = listing('pat-icu-anna', floor + HOUR);
  await using hub = await start('clockless', clock, listed, false);
  assert.equal(await hub.send(1, TEST_NOW - HOUR), '422 INGEST-BEFORE-BINDING');
  clock.advance(TEST_NOW - floor);
  await hub.read(listed);
  assert.equal(
    await hub.send(2, TEST_NOW - HOUR),
    '422 INGEST-BEFORE-BINDING',
    'between the floor and the time, though somebody confirmed before',
  );
  clock.advance(1000);
  assert.equal(await hub.send(3, clock.now()), '201');
});
