import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { createAuditor } from '../../../hub/audit/auditor.ts';
import type { EvidenceRecord } from '../../../hub/audit/evidence.ts';
import type { FhirAuditEvent } from '../../../hub/audit/fhir.ts';
import type { AccessReport } from '../../../hub/audit/report.ts';
import type { ListedRecord } from '../../../hub/audit/saw.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { TEST_EPOCH, TestClock } from '../../support/hub.ts';

import { rowsOf } from '../../support/operator-command.ts';
import { auditSite as site } from './audit-site.ts';

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`the evidence ${where} is listed by patient, by who, and by what was shown, and reading it is recorded`, async () => {
    verifies('AUDIT-READ');
    await site(
      async ({ audit, hub }) => {
        const about = rowsOf<EvidenceRecord>(await audit('list', '--patient', 'pat-icu-01', '--tenant', 'clinic', '--json'));
        assert.deepEqual(
          about.map(({ event: { principal, action, patient, patients } }) => [principal, action, patient, patients]),
          [
            ['gw-icu', 'observations.write', 'pat-icu-01', undefined],
            ['ai-nurse', 'vitals.read', 'pat-icu-01', undefined],
            ['ai-monitor', 'vitals.read', 'pat-icu-01', undefined],
            // Of the others on the list it says nothing.
            ['ai-nurse', 'patients.list', null, ['pat-icu-01']],
          ],
        );
        const observation = `gw-icu.${TEST_EPOCH}.1.0`;
        const both = ['ai-nurse', 'ai-monitor'];
        const saw = rowsOf<EvidenceRecord>(await audit('list', '--saw', observation, '--patient', 'pat-icu-01', '--json'));
        assert.deepEqual(
          saw.map(({ event }) => event.principal),
          both,
        );
        const nurse = await audit('list', '--as', 'ai-nurse');
        assert.match(nurse.stdout, /ai-nurse \(clinician\) {2}vitals.read {2}pat-icu-02 {2}denied: patient/);
        assert.equal(rowsOf(await audit('list', '--from', '2030-01-01T00:00:00Z', '--json')).length, 0);
        const own = (await evidenceOf(hub.store)).filter(({ action }) => action === 'audit.read');
        const uid = running ? process.getuid?.() : 7;
        assert.deepEqual(
          own.map(({ principal, patient, reason, count }) => [principal, patient, reason, count]),
          [
            [`local:${uid}`, 'pat-icu-01', 'granted', 0],
            [`local:${uid}`, 'pat-icu-01', 'closed', 4],
            [`local:${uid}`, 'pat-icu-01', 'granted', 0],
            [`local:${uid}`, 'pat-icu-01', 'closed', 2],
            [`local:${uid}`, null, 'granted', 0],
            [`local:${uid}`, null, 'closed', 3],
            [`local:${uid}`, null, 'granted', 0],
            [`local:${uid}`, null, 'closed', 0],
          ],
        );
        assert.equal(own[4]?.detail?.args?.principal, 'ai-nurse');
      },
      { running },
    );
  });
}

for (const running of [true, false]) {
  const where = running ? 'of a running hub' : 'of a store without its hub';
  test(`the evidence ${where} is exported as FHIR or as it is, and what was given out is recorded with its hash`, async () => {
    verifies('AUDIT-EXPORT');
    await site(
      async ({ audit, hub }) => {
        const ran = await audit('export', '--patient', 'pat-icu-01');
        const events = rowsOf<FhirAuditEvent>(ran);
        assert.deepEqual(
          events.map(({ resourceType, subtype, outcome }) => [resourceType, subtype?.[0]?.code, outcome]),
          [
            ['AuditEvent', 'create', '0'],
            ['AuditEvent', 'read', '0'],
            ['AuditEvent', 'read', '0'],
            ['AuditEvent', 'search', '0'],
          ],
        );
        assert.ok(events.every(({ id }) => id.startsWith(hub.store.storeId)));
        const own = (await evidenceOf(hub.store)).filter(({ action }) => action === 'audit.export');
        assert.deepEqual(
          own.map(({ patient, reason, count, detail }) => [patient, reason, count, detail?.args?.format, detail?.response]),
          [
            ['pat-icu-01', 'granted', 0, 'fhir', undefined],
            ['pat-icu-01', 'closed', 4, undefined, hash('sha256', ran.stdout)],
          ],
        );
        assert.equal(own[1]?.detail?.bytes, Buffer.byteLength(ran.stdout));
        const plain = rowsOf<EvidenceRecord>(await audit('export', '--as', 'ai-nurse', '--format', 'json'));
        assert.deepEqual(
          plain.map(({ event }) => [event.principal, event.action, event.outcome]),
          [
            ['ai-nurse', 'vitals.read', 'allowed'],
            ['ai-nurse', 'patients.list', 'allowed'],
            ['ai-nurse', 'vitals.read', 'denied'],
          ],
        );
        const later = await audit('export', '--from', '2030-01-01T00:00:00Z');
        assert.deepEqual([later.code, later.stdout], [0, '']);
        assert.match((await audit('export', '--format', 'xml')).stderr, /^USAGE/);
      },
      { running },
    );
  });
}

test('who may not export evidence gets none of it, and that is recorded before anything is shown', async () => {
  verifies('AUDIT-EXPORT');
  const rules = DEFAULT_POLICY.rules.map((rule) => ({ ...rule, actions: rule.actions.filter((action) => action !== 'audit.export') }));
  await site(
    async ({ audit, hub }) => {
      const ran = await audit('export');
      assert.deepEqual([ran.stdout, /^ACCESS-DENIED/.test(ran.stderr)], ['', true]);
      const last = (await evidenceOf(hub.store)).at(-1);
      assert.deepEqual([last?.action, last?.outcome, last?.reason], ['audit.export', 'denied', 'role']);
    },
    { policy: { ...DEFAULT_POLICY, rules } },
  );
});

test('an export that is given up is closed with what went before', async () => {
  verifies('AUDIT-EXPORT');
  await site(async ({ hub, signing }) => {
    const replay = { ...hub, zone: 'UTC' };
    const auditor = createAuditor({
      ...{ store: hub.store, replay, policy: () => DEFAULT_POLICY, keys: () => [signing.verifier], clock: new TestClock() },
    });
    const walk = auditor.export(operatorPrincipal(1, 'clinic'), {}, 'fhir', { channel: 'operator' });
    await walk.next();
    assert.deepEqual((await evidenceOf(hub.store)).at(-1)?.reason, 'granted', 'recorded before the first line');
    await walk.return(undefined);
    const last = (await evidenceOf(hub.store)).at(-1);
    assert.deepEqual([last?.action, last?.reason, last?.count], ['audit.export', 'cut', 1]);
  });
});

test('one entry is shown whole, and one that is not there is told', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const { stdout, code } = await audit('show', '2');
    assert.equal(code, 0);
    assert.match(stdout, /^2 {2}2026-11-21T10:00:00.000/);
    assert.match(stdout, /"response": "[0-9a-f]{64}"/);
    assert.match((await audit('show', '999')).stderr, /^AUDIT-NO-ENTRY/);
    assert.match((await audit('show', 'x')).stderr, /^USAGE/);
  });
});

test('who saw a person is summed up, with the lists and exports that showed it and none that did not', async () => {
  verifies('AUDIT-READ', 'AUDIT-SHOWN');
  await site(async ({ audit, hub }) => {
    const nurse = hub.registry.principal('ai-nurse') ?? assert.fail();
    for await (const _ of await hub.door.export(operatorPrincipal(1, 'clinic'), {}, { channel: 'operator' }));
    await hub.door.export(operatorPrincipal(2, 'clinic'), {}, { channel: 'operator' });
    const summed = async (patient: string): Promise<[Set<string>, string[]]> => {
      const [report] = rowsOf<AccessReport>(await audit('report', '--patient', patient, '--json'));
      const said = report?.accesses.map(({ principal, action, times, rows: shown }) => `${principal} ${action} ${times} ${shown}`);
      return [new Set(said), report?.general.map(({ principal, action }) => `${principal} ${action}`) ?? []];
    };
    const reads = ['gw-icu observations.write 1 2', 'ai-nurse vitals.read 1 2', 'ai-monitor vitals.read 1 2'];
    const [seen, general] = await summed('pat-icu-01');
    assert.deepEqual(seen, new Set([...reads, 'ai-nurse patients.list 1 1', 'local:1 observations.export 1 1']));
    assert.deepEqual(general, ['local:2 observations.export'], 'an export without an end may have shown anybody');
    assert.deepEqual(nurse.patients, ['pat-icu-01', 'pat-home-01']);
    assert.deepEqual(await summed('pat-home-01'), [new Set(['ai-nurse patients.list 1 1']), general]);
    assert.deepEqual(await summed('pat-home-02'), [new Set(), general]);
  });
});

test('an export that is read patient by patient is told once for each, and takes no other one for ended', async () => {
  verifies('AUDIT-SHOWN');
  const rules = DEFAULT_POLICY.rules.map((rule) => (rule.roles.includes('operator') ? { ...rule, mask: 'deidentified' as const } : rule));
  const policy = { ...DEFAULT_POLICY, rules };
  await site(
    async ({ audit, hub }) => {
      const by = operatorPrincipal(1, 'clinic');
      let given = 0;
      for await (const _ of await hub.door.export(by, {}, { channel: 'operator' })) given += 1;
      assert.equal(given, 2);
      const ofExports = (await evidenceOf(hub.store)).filter(({ action }) => action === 'observations.export');
      assert.deepEqual(
        ofExports.map(({ patient, patients, count }) => [patient, patients, count]),
        [
          [null, undefined, 0],
          ['pat-icu-01', undefined, 2],
          [null, [], 2],
        ],
      );
      const [report] = rowsOf<AccessReport>(await audit('report', '--patient', 'pat-icu-01', '--json'));
      const exports = report?.accesses
        .filter(({ action }) => action === 'observations.export')
        .map(({ times, rows: shown }) => [times, shown]);
      assert.deepEqual([exports, report?.general], [[[1, 2]], []]);
    },
    { policy },
  );
});

test('a report on a patient of whom nothing was shown says so, and one on nobody is not found', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const unseen = await audit('report', '--patient', 'pat-home-02');
    assert.deepEqual([unseen.code, unseen.stderr], [0, '']);
    assert.match(unseen.stdout, /Nobody, as far as the evidence goes/);
    const unknown = await audit('report', '--patient', 'nobody');
    assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
    assert.match(unknown.stderr, /^PATIENT-UNKNOWN.*registry\.yaml/);
    assert.doesNotMatch(unknown.stderr, /Nobody, as far/);
  });
});

test('who saw an observation is looked for among the entries of its patient or of a time, never among all, nor among those of the looking', async () => {
  verifies('AUDIT-READ');
  await site(async ({ audit }) => {
    const observation = `gw-icu.${TEST_EPOCH}.1.0`;
    const all = await audit('list', '--saw', observation);
    assert.deepEqual([all.code === 0, all.stdout], [false, '']);
    assert.match(all.stderr, /^USAGE.*--saw needs --patient/);
    for (let again = 0; again < 3; again += 1) {
      const found = rowsOf<EvidenceRecord>(await audit('list', '--saw', observation, '--from', '2026-11-21T00:00:00Z', '--json'));
      assert.deepEqual(
        found.map(({ event }) => event.action),
        ['vitals.read', 'vitals.read'],
      );
    }
    // A replay reads the values again, and is told as the reading of an auditor, not as a showing.
    await audit('replay', '--as', 'ai-nurse');
    const listed = rowsOf<ListedRecord>(await audit('list', '--saw', observation, '--patient', 'pat-icu-01', '--json'));
    assert.deepEqual(
      listed.map(({ event, mayHaveShown = false }) => [event.action, mayHaveShown]),
      [
        ['vitals.read', false],
        ['vitals.read', false],
        // As the export that it is, which does not say what it showed.
        ['observations.export', true],
        ['observations.export', true],
      ],
    );
    assert.match(
      (await audit('list', '--saw', observation, '--patient', 'pat-icu-01')).stdout,
      /observations\.export.* {2}it may have been shown$/m,
    );
    const nobodys = await audit('list', '--saw', 'gw-icu.17', '--patient', 'pat-icu-01');
    assert.equal(nobodys.code, 0);
    assert.match(nobodys.stdout, /^Nothing of this id is stored here.*\n$/, 'what is the id of no observation nothing can have shown');
    const never = await audit('list', '--saw', `gw-icu.${TEST_EPOCH}.zz.0`, '--patient', 'pat-icu-01', '--json');
    assert.deepEqual(rowsOf<unknown>(never).at(-1), { notStored: true });
    const later = await audit('list', '--saw', observation, '--from', '2030-01-01T00:00:00Z', '--json');
    assert.equal(later.stdout, '');
  });
});

test('a name that nothing answers to is not kept in the evidence', async () => {
  verifies('AUDIT-READ', 'AUDIT-DETAIL');
  await site(async ({ audit, hub }) => {
    await audit('list', '--patient', 'Jane Doe');
    await audit('list', '--as', 'Jane Doe', '--saw', 'Jane Doe', '--from', '2020-01-01T00:00:00Z');
    await audit('report', '--patient', 'Jane Doe');
    assert.doesNotMatch(JSON.stringify(await evidenceOf(hub.store)), /Jane/);
  });
});
