import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../agent/resources.ts';
import type { Principal } from '../../../hub/access/access.ts';
import { createSurroundings } from '../../../hub/clinical/clinical.ts';
import { DemoDevices } from '../../../hub/clinical/demo-devices.ts';
import { NO_LIMITS } from '../../../hub/clinical/limits/schema.ts';
import { GATEWAY_AWAY_MS } from '../../../hub/clinical/open-clinical.ts';
import { SourceWatch } from '../../../hub/clinical/sources/source-watch.ts';
import type { DeviceAlert } from '../../../shared/alert.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../support/following.ts';
import { sampleBundle, sampleObservation, TEST_EPOCH, TestClock, type TestHub, testHub } from '../../support/hub.ts';

/**
 * One day of an intensive care unit of three beds: what happens, when the hub hears of it, and, written by hand beside it, what a reader is told of each person at
 * that moment. `hr 61 @ICU-01`: a current value, and the bed; `hr (61)`: not current any more; `-`: nothing; `gone`: discharged; `?`: lies in no bed for sure;
 * `demo`: a monitor is in demonstration mode.
 */
class Day {
  readonly clock = new TestClock(minute(0));
  readonly #demos = new DemoDevices();
  readonly hub: TestHub = testHub({
    ...{ clock: this.clock, registry: FOLLOWING_REGISTRY, demos: this.#demos },
    surroundings: createSurroundings({
      limits: { current: { rules: NO_LIMITS, revision: '' } },
      sources: {
        sourcesOf: (...asked) => this.#sources.sourcesOf(...asked),
        lossesOf: (...asked) => this.#sources.lossesOf(...asked),
        elsewhereOf: (...asked) => this.#sources.elsewhereOf(...asked),
      },
      demos: this.#demos,
      registry: { isSandbox: () => false },
    }),
  });
  readonly #sources = new SourceWatch({
    ...{ feed: this.hub.feed, clock: this.clock, registry: this.hub.registry, limitMs: () => GATEWAY_AWAY_MS },
    ...{ isBound: () => true, isAlone: true, overdueSince: () => undefined },
  });
  readonly #reader: Principal = this.hub.registry.principal('ai-monitor') ?? assert.fail();
  #rows = 0;
  #movements = 0;

  /** The hub hears, `minutes` after ten, of what happened at `at`, now unless told. */
  async adt(minutes: number, event: Parameters<typeof tell>[3], parties: Parameters<typeof tell>[4][], at = minutes): Promise<void> {
    this.clock.set(minute(minutes));
    this.#movements += 1;
    await tell(this.hub, this.#movements, at, event, ...parties);
  }

  /** A monitor measures, at `minutes` after ten unless told otherwise. */
  async hr(minutes: number, bed: string, value: number, more: Parameters<typeof measure>[3] = {}): Promise<void> {
    this.clock.set(minute(minutes));
    this.#rows += 1;
    await measure(this.hub, this.#rows, minutes, { bed, device: `monitor-${bed}`, value, ...more });
  }

  /** A version of a measurement that was there: corrected, or taken back. */
  async revised(minutes: number, bed: string, of: number, status: 'corrected' | 'cancelled', value: number | null): Promise<void> {
    this.clock.set(minute(minutes));
    this.#rows += 1;
    const sample = { bed, device: `monitor-${bed}`, value, effective: minute(of), receivedAt: minute(minutes), seq: this.#rows };
    await this.hub.ingest.batch('gw-icu', sampleBundle([{ ...sampleObservation(sample), status }]));
  }

  /** A monitor says that it is in demonstration mode, and what it makes up; resolves with what the gateway is answered. */
  async demonstrates(minutes: number, bed: string, value: number): Promise<string | undefined> {
    this.clock.set(minute(minutes));
    this.#rows += 1;
    const sample = { bed, device: `monitor-${bed}`, value, seq: this.#rows, effective: minute(minutes), receivedAt: minute(minutes) };
    const { outcomes } = await this.hub.ingest.batch(
      'gw-icu',
      sampleBundle([sampleObservation({ ...sample, test: true, flags: ['demo'] })]),
    );
    return outcomes[0]?.code;
  }

  async alert(minutes: number, bed: string, phase: DeviceAlert['phase']): Promise<void> {
    this.clock.set(minute(minutes));
    this.#rows += 1;
    const alert: DeviceAlert = { phase, state: 'active', priority: 'high', type: 'physiological', instance: 'A1', text: 'HR HIGH' };
    const record = {
      ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: `monitor-${bed}`, idType: 'serial' as const }, receivedAt: minute(minutes) },
      ...{ subject: { bed }, test: false, class: 'alert' as const, readings: [], alerts: [alert] },
    };
    await this.hub.ingest.batch('gw-icu', sampleBundle(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq: this.#rows })));
  }

  /** The line of the ward's gateway comes or goes. */
  line(minutes: number, connected: boolean): void {
    this.clock.set(minute(minutes));
    this.#sources.presence('gw-icu', connected, this.clock.now());
  }

  async moveDevice(minutes: number, device: string, bed: string | null, at = minutes): Promise<void> {
    this.clock.set(minute(minutes));
    await this.hub.whereabouts.moveDevice({ tenant: 'clinic', gateway: 'gw-icu', device, bed, at: minute(at) }, []);
    this.hub.corrections.wake();
    await this.hub.corrections.settled();
  }

  /** What a reader is told of these, by the hospital's number. */
  async told(...people: string[]): Promise<Record<string, string>> {
    const told: Record<string, string> = {};
    for (const who of people) told[who] = await this.#toldOf(await idOf(this.hub, who));
    return told;
  }

  async #toldOf(id: string): Promise<string> {
    try {
      const view = await this.hub.door.latest(this.#reader, id, { channel: 'mcp-2026' });
      const values = view.vitals.map((row) =>
        row.value === null ? `${row.vital} (${row.lastKnown?.value ?? ''})` : `${row.vital} ${row.value}`,
      );
      const place = [
        ...(view.bed === null ? [] : [`@${view.bed}`]),
        ...(view.discharged === undefined ? [] : ['gone']),
        ...(view.unplaced ? ['?'] : []),
        ...(view.demo.length > 0 ? ['demo'] : []),
        ...(view.mergedFrom === undefined ? [] : ['merged']),
      ];
      return [...(values.length === 0 ? ['-'] : values), ...place].join(' ');
    } catch (thrown) {
      if (thrown instanceof VitalmeshError && thrown.code === 'NOT-FOUND') return 'nobody';
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.close();
  }
}

test('a day of an intensive care unit: at every step a reader is told what was written down by hand', async () => {
  verifies('HOSPITAL-DAY', 'TEST-NOT-LIVE', 'SUBJECT-BY-MOVEMENTS', 'LATE-MOVEMENT-CORRECTS', 'ALERTS-UNKNOWN');
  await using day = new Day();

  day.line(0, true);
  // 10:00 Ann comes to ICU-01.
  await day.adt(0, 'A01', [{ who: 'ann', bed: 'ICU-01', visit: 'v-ann' }]);
  assert.deepEqual(await day.told('ann', 'bob'), { ann: '- @ICU-01', bob: 'nobody' });
  await day.hr(1, 'ICU-01', 61);
  assert.deepEqual(await day.told('ann'), { ann: 'hr 61 @ICU-01' });

  // 10:10 She is moved to ICU-02, and Bob comes to ICU-01 at 10:20; both are told at 11:10. Until then nobody can know.
  await day.hr(12, 'ICU-02', 72);
  await day.hr(30, 'ICU-01', 88);
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr 88 @ICU-01', bob: 'nobody' });
  await day.hr(69.5, 'ICU-02', 73);
  await day.adt(70, 'A02', [{ who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v-ann' }], 10);
  // What ICU-01 measured since is nobody's now, what ICU-02 did is hers.
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr 73 hr (61) @ICU-02', bob: 'nobody' });
  await day.adt(70, 'A01', [{ who: 'bob', bed: 'ICU-01', visit: 'v-bob' }], 20);
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr 73 hr (61) @ICU-02', bob: 'hr (88) @ICU-01' });

  // 11:20 They change places, 11:30 and back.
  await day.adt(80, 'A17', [
    { who: 'ann', bed: 'ICU-01', visit: 'v-ann' },
    { who: 'bob', bed: 'ICU-02', visit: 'v-bob' },
  ]);
  await day.hr(81, 'ICU-01', 62);
  await day.hr(81, 'ICU-02', 89);
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr 62 hr (73) @ICU-01', bob: 'hr 89 hr (88) @ICU-02' });
  await day.adt(90, 'A17', [
    { who: 'ann', bed: 'ICU-02', visit: 'v-ann' },
    { who: 'bob', bed: 'ICU-01', visit: 'v-bob' },
  ]);
  await day.hr(91, 'ICU-01', 90);
  await day.hr(91, 'ICU-02', 63);
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr 63 hr (62) @ICU-02', bob: 'hr 90 hr (89) @ICU-01' });

  // 11:40 The transport monitor is put to Ann's bed by hand, whatever bed it says itself, and comes off again at 11:50.
  await day.moveDevice(100, 'transport', 'ICU-02');
  await day.hr(101, 'ICU-03', 64, { device: 'transport' });
  await day.moveDevice(110, 'transport', null);
  await day.hr(111, 'ICU-03', 150, { device: 'transport' });
  assert.deepEqual(await day.told('ann', 'bob'), { ann: 'hr (64) hr (63) hr (62) @ICU-02', bob: 'hr (90) hr (89) @ICU-01' });

  // 12:00 The ventilator goes from Bob to Ann; it is told ten minutes late.
  await day.moveDevice(115, 'vent', 'ICU-01');
  await day.hr(121, 'ICU-01', 19, { device: 'vent', vital: 'rr' });
  assert.match((await day.told('bob')).bob ?? '', /rr 19/);
  await day.moveDevice(121, 'vent', 'ICU-02', 120);
  assert.match((await day.told('ann')).ann ?? '', /^rr 19 /);
  assert.doesNotMatch((await day.told('bob')).bob ?? '', /rr/);

  // 12:30 A monitor whose clock says 2028, then one that is right: the wrong one does not stay the newest.
  await day.hr(150, 'ICU-01', 91, { effective: Date.UTC(2028, 0, 1), receivedAt: minute(150) });
  await day.hr(151, 'ICU-01', 92);
  assert.match((await day.told('bob')).bob ?? '', /^hr 92 /);

  // 12:40 The probe is off: no value, and none is made up; the old one is not shown as current.
  await day.hr(160, 'ICU-01', 0, { value: null, absent: 'error' });
  assert.match((await day.told('bob')).bob ?? '', /^hr \(\) /);

  // 12:45 Somebody shows the monitor of Bob's bed to visitors: nothing of that is kept, its last value is not current, and it says so until it measures again.
  await day.hr(164, 'ICU-01', 93);
  assert.match((await day.told('bob')).bob ?? '', /^hr 93 /);
  assert.equal(await day.demonstrates(164.5, 'ICU-01', 75), 'INGEST-TEST');
  const shown = (await day.told('bob')).bob ?? '';
  assert.match(shown, /^hr \(93\) .* @ICU-01 demo$/);
  assert.doesNotMatch(shown, /75/);
  assert.doesNotMatch((await day.told('ann')).ann ?? '', /demo/);
  await day.hr(165, 'ICU-01', 94);
  assert.match((await day.told('bob')).bob ?? '', /^hr 94 .* @ICU-01$/);

  // 12:50 A value is corrected, another is taken back.
  await day.hr(170, 'ICU-02', 160);
  await day.revised(170, 'ICU-02', 170, 'corrected', 60);
  assert.match((await day.told('ann')).ann ?? '', /^hr 60 /);
  await day.revised(170, 'ICU-02', 170, 'cancelled', null);
  assert.doesNotMatch((await day.told('ann')).ann ?? '', /hr 60|hr \(60\)|160/);

  // 13:00 Somebody whom nobody knows is brought to ICU-03, and turns out to be Cay, who was here before; which was wrong, as is said at 13:20.
  await day.adt(180, 'A01', [{ who: 'unknown-7', bed: 'ICU-03', visit: 'v-7' }]);
  await day.hr(181, 'ICU-03', 101);
  await day.adt(190, 'A40', [{ who: 'cay', was: 'unknown-7' }]);
  assert.deepEqual(await day.told('cay', 'unknown-7'), { cay: 'hr (101) @ICU-03', 'unknown-7': 'hr (101) @ICU-03 merged' });
  await day.adt(200, 'A37', [{ who: 'cay' }, { who: 'unknown-7' }]);
  const parted = await day.told('cay', 'unknown-7');
  assert.equal(parted['unknown-7'], 'hr (101) @ICU-03');
  assert.doesNotMatch(parted.cay ?? '', /101/);

  // 13:30 Bob goes home, and his monitor is left on: nobody's.
  await day.adt(210, 'A03', [{ who: 'bob', bed: 'ICU-01', visit: 'v-bob' }]);
  await day.hr(211, 'ICU-01', 40);
  const bob = (await day.told('bob')).bob ?? '';
  assert.match(bob, / gone$/);
  assert.doesNotMatch(bob, /40|hr \d/);

  // 13:40 A message names Bob in the bed of Ann: it is neither's.
  await day.hr(220, 'ICU-02', 41, { who: 'bob' });
  for (const told of Object.values(await day.told('ann', 'bob'))) assert.doesNotMatch(told, /41/);

  // 13:50 Ann's alarm begins, and its gateway is heard no more.
  await day.alert(230, 'ICU-02', 'start');
  const alerts = async () =>
    (
      await day.hub.door.alerts(day.hub.registry.principal('ai-monitor') ?? assert.fail(), await idOf(day.hub, 'ann'), {
        channel: 'mcp-2026',
      })
    ).alerts.map(({ state, stateSince }) => [state, (Date.parse(stateSince) - minute(0)) / 60_000]);
  assert.deepEqual(await alerts(), [['active', 230]]);
  await day.hr(230.5, 'ICU-02', 66);
  day.line(230.5, false);
  day.clock.set(minute(300));
  assert.deepEqual(await alerts(), [['unknown', 230.5]], 'neither active nor ended');
  // 15:01 The gateway is back and the monitor measures, but nobody has said what became of the alarm; at 15:03 the monitor does, and at 15:05 that it is over.
  day.line(301, true);
  await day.hr(302, 'ICU-02', 64);
  assert.match((await day.told('ann')).ann ?? '', /^hr 64 /);
  assert.deepEqual(await alerts(), [['unknown', 230.5]]);
  await day.alert(303, 'ICU-02', 'continue');
  assert.deepEqual(await alerts(), [['active', 230]]);
  // The line is gone for half a minute.
  day.line(303.1, false);
  day.line(303.6, true);
  assert.deepEqual(await alerts(), [['active', 230]]);
  await day.alert(305, 'ICU-02', 'end');
  assert.deepEqual(await alerts(), [['ended', 305]]);

  // At ten past two in the morning nothing was heard of movements for more than twelve hours: what names nobody is nobody's, what names her is hers.
  await day.hr(16 * 60 + 10, 'ICU-02', 55);
  await day.hr(16 * 60 + 10, 'ICU-02', 56, { who: 'ann', device: 'oxi-2', vital: 'pr_oxi' });
  const night = (await day.told('ann')).ann ?? '';
  assert.match(night, /pr_oxi 56/);
  assert.doesNotMatch(night, /hr 55/);
  // The feed is heard again, of somebody else: she was there all the time.
  await day.adt(16 * 60 + 11, 'A08', [{ who: 'unknown-7', bed: 'ICU-03', visit: 'v-7' }], 15 * 60);
  assert.match((await day.told('ann')).ann ?? '', /hr (55|\(55\))/);
});
