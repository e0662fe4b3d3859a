import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Clock } from '../../../shared/clock.ts';
import type { Identity } from '../../../shared/identity/identity.ts';
import { validityOf } from '../../../shared/identity/identity-status.ts';
import { silentLogger } from '../../../shared/log.ts';
import { BUILT_AT } from '../../../shared/time/built-at.ts';
import { parseHttpDate, toldTime } from '../../../shared/time/http-date.ts';
import { openKeptClock } from '../../../shared/time/keep-time.ts';
import { readKeptTime, writeKeptTime } from '../../../shared/time/kept-time.ts';
import { verifies } from '../../requirements.ts';
import { clocklessMachine } from '../../support/clockless.ts';
import { testNetwork } from '../../support/identities.ts';

const LATER = Date.UTC(2030, 0, 1);

describe('the time that is kept', () => {
  let folder: string;
  let path: string;
  let identity: Identity;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vitalmesh-time-'));
    path = join(folder, 'outbox.db.time');
    identity = await (await testNetwork()).identity('gw1');
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test('is read as it was written, is only its owner’s, and leaves nothing beside it', () => {
    writeKeptTime(path, LATER + 7);
    writeKeptTime(path, LATER);
    assert.equal(readFileSync(path, 'utf8'), '2030-01-01T00:00:00.000+00:00\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readKeptTime(path, LATER, silentLogger), LATER);
    assert.deepEqual(readdirSync(folder), ['outbox.db.time']);
  });

  test('is ignored and logged when it is damaged, lies too far ahead, can be changed by others, or is no file; a missing one is nothing to tell', () => {
    const warned: string[] = [];
    const log = { ...silentLogger, warn: (_: unknown, message: string) => void warned.push(message) } as typeof silentLogger;
    const read = () => readKeptTime(path, LATER, log);
    for (const text of ['', '2030', 'x'.repeat(100_000), '2030-13-01T00:00:00.000Z\n', '2030-01-01T00:00:00.001Z\n']) {
      writeFileSync(path, text, { mode: 0o600 });
      assert.equal(read(), undefined, text.slice(0, 30));
    }
    writeKeptTime(path, LATER);
    chmodSync(path, 0o666);
    assert.equal(read(), undefined);
    rmSync(path);
    mkdirSync(path);
    assert.equal(read(), undefined);
    assert.equal(warned.length, 7);
    rmSync(path, { recursive: true });
    assert.equal(read(), undefined);
    assert.equal(warned.length, 7);
  });

  test('a folder that cannot be written to is an error, and no draft stays', () => {
    assert.throws(() => writeKeptTime(join(folder, 'nowhere', 'time'), LATER), { code: 'STORAGE-IO', detail: /ENOENT/ });
    mkdirSync(path);
    assert.throws(() => writeKeptTime(path, LATER), { code: 'STORAGE-IO' });
    rmSync(path, { recursive: true });
    assert.deepEqual(readdirSync(folder), []);
  });

  test('a program’s floor is when its certificate began or the software was made, or the time that it kept', () => {
    verifies('NO-CLOCK-TIME');
    const { notBefore } = validityOf(identity);
    const first = openKeptClock({ path, identity, log: silentLogger, machine: clocklessMachine });
    const { clock } = first;
    assert.equal(clock.trust, 'floor');
    const began = Math.max(notBefore, BUILT_AT);
    assert.ok(clock.now() >= began && clock.now() < began + 60_000);
    first[Symbol.dispose]();
    assert.equal(existsSync(path), false, 'a floor is not kept');

    const second = openKeptClock({ path, identity, log: silentLogger, machine: clocklessMachine });
    const told = notBefore + 30 * 24 * 3_600_000;
    const { startedAt } = second;
    second.clock.take(told, { notBefore: 0, notAfter: LATER });
    assert.ok((readKeptTime(path, LATER, silentLogger) ?? 0) >= told, 'at once, for the power may be gone soon');
    assert.ok(second.startedAt - startedAt > 29 * 24 * 3_600_000, 'the start is told by the better time too');
    rmSync(path);
    second[Symbol.dispose]();

    const third = openKeptClock({ path, identity, log: silentLogger, machine: clocklessMachine });
    assert.equal(third.clock.trust, 'floor');
    assert.ok(third.clock.now() >= told);
    third[Symbol.dispose]();
    rmSync(path);
  });

  test('one after the end of the certificate is no floor, and a machine with a good clock keeps it once the network has confirmed it', () => {
    writeKeptTime(path, Date.UTC(2090, 0, 1));
    const now = Date.now();
    const machine: Clock = { now: () => now, monotonicMs: () => 0 };
    const kept = openKeptClock({ path, identity, log: silentLogger, machine });
    assert.equal(kept.clock.trust, 'machine');
    kept[Symbol.dispose]();
    assert.equal(readKeptTime(path, LATER, silentLogger), undefined);
    const confirmed = openKeptClock({ path, identity, log: silentLogger, machine });
    confirmed.clock.take(now + 700, undefined);
    confirmed[Symbol.dispose]();
    assert.equal(readKeptTime(path, LATER, silentLogger), now);
  });
});

test('the Date header is read as servers must write it, and in no other way', () => {
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), 784_111_777_000);
  const others = ['Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'Sun, 06 Nov 1994 08:49:37 UTC', '784111777', ''];
  const wrong = [
    'Mon, 06 Nov 1994 08:49:37 GMT',
    'Sun, 31 Feb 2027 00:00:00 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
  ];
  for (const text of [...others, ...wrong]) assert.equal(parseHttpDate(text), undefined, text);
  assert.equal(parseHttpDate(undefined), undefined);
  assert.equal(toldTime('Sun, 06 Nov 1994 08:49:37 GMT', 300), 784_111_777_000 + 500 + 150);
  assert.equal(toldTime('Sun, 06 Nov 1994 08:49:37 GMT', -5), 784_111_777_000 + 500);
});

test('the software was not made before what its changelog tells of, nor after today', () => {
  verifies('NO-CLOCK-TIME');
  const changelog = readFileSync(join(import.meta.dirname, '..', '..', '..', 'CHANGELOG.md'), 'utf8');
  const dates = changelog.match(/\b\d{4}-\d{2}-\d{2}\b/g) ?? [];
  assert.ok(dates.length > 0);
  for (const date of dates)
    assert.ok(Date.parse(date.replace(/-\d{2}$/, '-01')) <= BUILT_AT, `shared/time/built-at.ts is older than ${date}`);
  assert.ok(BUILT_AT <= Date.now());
});
