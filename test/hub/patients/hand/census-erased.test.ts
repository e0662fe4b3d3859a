import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../../hub/access/principals.ts';
import type { Imported } from '../../../../hub/patients/hand/by-hand.ts';
import { CENSUS_FAULTS } from '../../../../hub/patients/hand/census.ts';
import { PatientRights } from '../../../../hub/privacy/rights.ts';
import { formatInstant } from '../../../../shared/clock.ts';
import { verifies } from '../../../requirements.ts';
import { idOf, minute, tell } from '../../../support/following.ts';
import { gathered } from '../../../support/hub.ts';
import { handSite } from './site.ts';

const at = (minutes: number): string => formatInstant(minute(minutes));

test('a line of a census that names somebody who was erased since is a fault, in a trial too, and the others count', () =>
  handSite(async ({ hub, patients, folder, clock }) => {
    verifies('CENSUS-ERASED', 'CENSUS-READ');
    await tell(hub, 1, -120, 'A01', { who: '1', bed: 'ICU-01' });
    await tell(hub, 2, -100, 'A03', { who: '1', bed: 'ICU-01' });
    const patient = await idOf(hub, '1');
    const rights = new PatientRights({
      ...hub,
      policy: () => DEFAULT_POLICY,
      tombstones: join(folder, 'erased'),
      staleness: { changed: () => undefined },
      clock,
    });
    await rights.erase(operatorPrincipal(7, 'clinic'), { patient, confirm: patient, reason: 'DSR-1' }, { channel: 'operator' });
    await hub.whereabouts.refresh('clinic');
    clock.advance(60_000);
    const csv = `bed,authority,number,since\nICU-01,HOSP,1,${at(-110)}\nICU-02,HOSP,2,${at(-60)}\n`;
    const fault = `line 2: PATIENT-ERASED: ${CENSUS_FAULTS.erased}\n`;
    const trial = await patients(['import', '-', '--dry-run'], csv);
    assert.deepEqual([trial.code, trial.stdout], [1, `1 could be admitted; nothing was kept, 1 would be left out:\n${fault}`]);
    const whole = await patients(['import', '-', '--all-or-nothing', '--json'], csv);
    assert.deepEqual([whole.code, (JSON.parse(whole.stdout) as Imported).admitted], [1, 0]);
    const { code, stdout } = await patients(['import', '-', '--json'], csv);
    const report = JSON.parse(stdout) as Imported;
    assert.deepEqual([code, report.admitted, report.faults], [1, 1, [{ line: 2, fault: 'erased', code: 'PATIENT-ERASED' }]]);
    assert.deepEqual(
      report.statements.map(({ line }) => line),
      [3],
    );
    assert.deepEqual([hub.registry.inBed('clinic', 'ICU-01'), await idOf(hub, '2')], [null, hub.registry.inBed('clinic', 'ICU-02')]);
    const alone = await patients(['import', '-'], csv.split('\n').slice(0, 2).join('\n'));
    assert.deepEqual([alone.code, alone.stdout], [1, `0 admitted, 1 left out:\n${fault}`]);
    // Nobody gets the number again that was erased.
    const persons = await gathered(hub.store.placing.persons());
    assert.deepEqual(
      persons.map(({ value }) => value),
      ['2'],
    );
    // Who comes again later is somebody of whom nothing was erased.
    const later = await patients(['import', '-'], 'bed,authority,number\nICU-01,HOSP,1\n');
    assert.deepEqual([later.code, later.stdout.startsWith('1 admitted.\n')], [0, true], later.stdout);
  }));
