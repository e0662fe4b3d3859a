import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Checkpoints } from '../../../hub/audit/checkpoints.ts';
import { verifyEvidence } from '../../../hub/audit/notes.ts';
import { openSigningKey, readVerifiers, type SigningKey } from '../../../hub/audit/signing-key.ts';
import { readCheckpoint } from '../../../shared/signed-note.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TestClock, type TestHub, testHub } from '../../support/hub.ts';

async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-sign-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the signing key is made once, for its owner alone, and its public half is listed', async () => {
  verifies('AUDIT-SIGNED');
  await inFolder((folder) => {
    const [path, list] = [join(folder, 'key'), join(folder, 'keys')];
    const made = openSigningKey(path, 's', list);
    assert.deepEqual([made.isNew, statSync(path).mode & 0o777], [true, 0o600]);
    const again = openSigningKey(path, 's', list);
    assert.deepEqual([again.isNew, again.verifier], [false, made.verifier]);
    assert.deepEqual(readVerifiers(list), [made.verifier]);
    rmSync(path);
    const next = openSigningKey(path, 's', list);
    assert.deepEqual(readVerifiers(list), [made.verifier, next.verifier], 'what the lost one signed is still verified');
  });
});

test('a key that others can read, that is no key, or a list with another line, is told', async () => {
  await inFolder((folder) => {
    const [path, list] = [join(folder, 'key'), join(folder, 'keys')];
    writeFileSync(path, 'nothing', { mode: 0o600 });
    assert.throws(() => openSigningKey(path, 's', list), { code: 'AUDIT-KEY' });
    rmSync(path);
    openSigningKey(path, 's', list);
    writeFileSync(join(folder, 'open'), readFileSync(path), { mode: 0o644 });
    assert.throws(() => openSigningKey(join(folder, 'open'), 's', list), { code: 'AUDIT-KEY' });
    writeFileSync(list, 'a line\n');
    assert.throws(() => readVerifiers(list), { code: 'AUDIT-KEY' });
    assert.throws(() => openSigningKey('$CREDENTIALS_DIRECTORY/none', 's', list), { code: 'AUDIT-KEY' });
  });
});

interface Signing {
  h: TestHub;
  clock: TestClock;
  key: SigningKey;
  made: Checkpoints;
  /** Lets it look once. */
  look(): Promise<void>;
  sizes(): Promise<number[]>;
}

async function signing(body: (signing: Signing) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const clock = new TestClock();
    await using h = testHub({ clock });
    const key = openSigningKey(join(folder, 'key'), h.store.storeId, join(folder, 'keys'));
    let waiting: (() => void) | undefined;
    let arrived = Promise.withResolvers<void>();
    const wait = (_: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        waiting = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
        arrived.resolve();
      });
    const made = new Checkpoints({ ...h, key, everyEntries: 10, everyMs: 60_000, clock, wait });
    const look = async (): Promise<void> => {
      await arrived.promise;
      arrived = Promise.withResolvers();
      waiting?.();
      await arrived.promise;
    };
    const sizes = async (): Promise<number[]> => (await gathered(h.store.checkpoints())).map(({ seq }) => seq);
    await body({ h, clock, key, made, look, sizes });
  });
}

test('it signs at the start, after so many entries, after so long, and at the end', async () => {
  verifies('AUDIT-SIGNED');
  await signing(async ({ h, clock, made, look, sizes }) => {
    await made.start(new AbortController().signal);
    assert.deepEqual([await sizes(), made.newest], [[], undefined], 'there is nothing to sign');
    await h.store.record([event(1)]);
    await look();
    assert.deepEqual(await sizes(), [1]);
    await h.store.record(Array.from({ length: 9 }, (_, i) => event(i)));
    await look();
    assert.deepEqual(await sizes(), [1]);
    await h.store.record([event(11)]);
    await look();
    assert.deepEqual(await sizes(), [1, 11]);
    await h.store.record([event(12)]);
    clock.advance(60_000);
    await look();
    assert.deepEqual(await sizes(), [1, 11, 12]);
    clock.advance(60_000);
    await look();
    assert.deepEqual(await sizes(), [1, 11, 12], 'nothing came since');
    await h.store.record([event(13)]);
    await made[Symbol.asyncDispose]();
    assert.deepEqual(await sizes(), [1, 11, 12, 13]);
  });
});

test('what it signs verifies with the listed key, and is what gateways are handed', async () => {
  verifies('AUDIT-SIGNED');
  await signing(async ({ h, key, made }) => {
    await h.store.record([event(1), event(2)]);
    await made.start(new AbortController().signal);
    await made[Symbol.asyncDispose]();
    const { store } = h;
    const verdict = await verifyEvidence(store.audit(), {
      ...{ storeId: store.storeId, upTo: 2, checkpoints: store.checkpoints(), keys: [key.verifier] },
    });
    assert.deepEqual([verdict.intact, verdict.signedUpTo], [true, 2]);
    assert.equal(made.newest?.key, key.verifier);
    assert.equal(readCheckpoint(made.newest?.note ?? '')?.size, 2);
  });
});

test('a store that cannot take a note is told of, and the hub goes on', async () => {
  await signing(async ({ h, key }) => {
    await h.store.record([event(1)]);
    const failing = { ...h.store, storeId: 's', auditHead: () => Promise.reject(new RangeError('no')) };
    const made = new Checkpoints({ store: failing, key, everyEntries: 1, everyMs: 1, metrics: h.metrics });
    await made.start(AbortSignal.abort());
    await made[Symbol.asyncDispose]();
    assert.equal(h.metrics.get('audit_checkpoints_failed'), 2);
  });
});
