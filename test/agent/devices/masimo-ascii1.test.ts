import assert from 'node:assert/strict';
import { test } from 'node:test';
import { masimoAscii1 } from '../../../agent/devices/masimo-ascii1.ts';
import { verifies } from '../../requirements.ts';
import { decoded, RECEIVED_AT, run, short } from '../decode/decoding.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const REST = 'SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+--';
const GOOD = `11/21/26 10:00:04 SN=0000056661 SPO2=098% BPM=097 PI=03.60% ${REST} ALARM=0000 EXC=000800`;

const one = (line: string, zone?: string) => decoded(masimoAscii1, bytes(`${line}\r\n`), zone ? { zone } : {});

test('a line as the device sends it, NULs before it', () => {
  assert.deepEqual(one(`\0\0${GOOD}`), {
    records: [
      {
        source: 'line-1',
        profile: 'masimo-ascii1',
        device: { id: '0000056661', idType: 'serial', vendor: 'Masimo' },
        receivedAt: RECEIVED_AT,
        subject: {},
        test: false,
        class: 'continuous',
        readings: [
          { vital: 'spo2', value: 98, effective: Date.UTC(2026, 10, 21, 9, 0, 4), offsetMin: 60 },
          { vital: 'pr_oxi', value: 97, effective: Date.UTC(2026, 10, 21, 9, 0, 4), offsetMin: 60 },
          { vital: 'pi', value: 3.6, effective: Date.UTC(2026, 10, 21, 9, 0, 4), offsetMin: 60 },
        ],
      },
    ],
    rejected: [],
  });
});

test('newer firmware: further keys, longer masks, PI without percent', () => {
  const line =
    '11/21/26 10:00:04 SN=0000056661 SPO2=098% BPM=097 PI=03.60 SPCO=--.- SPMET=--.- SPHB=--.- SPOC=-- RESVD=--- DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000';
  const outcome = one(line);
  assert.deepEqual(short(outcome), ['spo2=98 questionable', 'pr_oxi=97 questionable', 'pi=3.6 questionable']);
  assert.deepEqual(outcome.rejected, []);
});

test('dashes are no value, with the reason that EXC gives', () => {
  verifies('NOTHING-INVENTED');
  const line = (exc: string): string => `05/15/07 08:12:21 SN=0000070986 SPO2=---% BPM=--- PI=--.--% ${REST} PVI=--- ALARM=0000 EXC=${exc}`;
  assert.deepEqual(short(one(line('000000'))), ['spo2=!unknown', 'pr_oxi=!unknown', 'pi=!unknown']);
  assert.deepEqual(short(one(line('000020')))[0], 'spo2=!temp-unknown sensor-off');
  assert.deepEqual(short(one(line('000008')))[0], 'spo2=!temp-unknown searching');
  assert.deepEqual(short(one(line('000082')))[0], 'spo2=!error questionable');
});

test('an alarm marks the value it is about', () => {
  const alarmed = one(GOOD.replace('ALARM=0000', 'ALARM=0002'));
  assert.deepEqual(short(alarmed), ['spo2=98 device-alarm', 'pr_oxi=97', 'pi=3.6']);
  assert.deepEqual(short(one(GOOD.replace('ALARM=0000', 'ALARM=0018'))), ['spo2=98', 'pr_oxi=97 device-alarm', 'pi=3.6']);
});

test('local times around a change of the clocks are marked', () => {
  const at = (stamp: string, zone: string) => one(GOOD.replace('11/21/26 10:00:04', stamp), zone).records[0]?.readings[0];
  const overlap = at('10/25/26 02:30:00', 'Europe/Berlin');
  assert.deepEqual([overlap?.effective, overlap?.offsetMin, overlap?.flags], [Date.UTC(2026, 9, 25, 0, 30), 120, ['dst-overlap']]);
  assert.deepEqual(at('03/29/26 02:30:00', 'Europe/Berlin')?.flags, ['dst-gap']);
  assert.equal(at('11/21/26 10:00:04', 'UTC')?.effective, Date.UTC(2026, 10, 21, 10, 0, 4));
});

test('a stamp that is no time: the values stay, marked, under the time of receipt', () => {
  verifies('GOOD-PARTS-SURVIVE');
  for (const stamp of ['13/21/26 10:00:04', '11-21-26 10:00:04', '11/21/26 25:00:04']) {
    const outcome = one(GOOD.replace('11/21/26 10:00:04', stamp));
    assert.deepEqual(short(outcome), ['spo2=98 clock', 'pr_oxi=97 clock', 'pi=3.6 clock']);
    assert.deepEqual(outcome.rejected, ['DECODE-TIME stamp 17']);
    assert.equal(outcome.records[0]?.readings[0]?.effective, undefined);
  }
});

test('a broken field costs itself only', () => {
  const outcome = one(GOOD.replace('BPM=097', 'BPM=0x7').replace('EXC=000800', 'EXC=00Z800'));
  assert.deepEqual(short(outcome), ['spo2=98 questionable', 'pi=3.6 questionable']);
  assert.deepEqual(outcome.rejected, ['DECODE-FIELD EXC 6+', 'DECODE-FIELD BPM 3+']);
  assert.deepEqual(one(GOOD.replace('SPO2=098%', 'SPO2=98%')).rejected, ['DECODE-FIELD SPO2 3+']);
});

test('a status that was cut short, or is not there, leaves the values in doubt', () => {
  verifies('NOTHING-INVENTED');
  const doubtful = ['spo2=98 questionable', 'pr_oxi=97 questionable', 'pi=3.6 questionable'];
  for (const cut of ['0000', '00080', '', '0008000000']) {
    const outcome = one(GOOD.replace('EXC=000800', `EXC=${cut}`));
    assert.deepEqual([short(outcome), outcome.rejected.length], [doubtful, 1], cut);
  }
  assert.deepEqual(short(one(GOOD.replace(' EXC=000800', ''))), doubtful);
  assert.deepEqual(one(GOOD.replace('ALARM=0000', 'ALARM=001')).rejected, ['DECODE-FIELD ALARM 3+']);
});

test('a serial number that lost or won a character is not another device’s', () => {
  verifies('NOTHING-INVENTED');
  for (const serial of ['000005666', '00000566611', '00000S6661', '']) {
    const outcome = one(GOOD.replace('SN=0000056661', `SN=${serial}`));
    assert.equal(outcome.records[0]?.device.idType, 'config');
    assert.match(outcome.rejected.join(), /^DECODE-FIELD SN \d+\+$/);
  }
});

test('a serial number that is none is never mended', () => {
  const outcome = one(GOOD.replace('SN=0000056661', 'SN=0000\x0156661'));
  assert.deepEqual(outcome.records[0]?.device, { id: 'line-1', idType: 'config', vendor: 'Masimo' });
  assert.deepEqual(outcome.rejected, ['DECODE-FIELD SN 10+']);
});

test('two lines that ran into each other are nobody’s: the later values could be taken for the earlier', () => {
  const outcome = one(`${GOOD.slice(0, 60)}${GOOD}`);
  assert.deepEqual(outcome.records, []);
  assert.deepEqual(outcome.rejected, [`DECODE-FIELD line ${60 + GOOD.length}+`]);
});

test('lines without values, unknown keys and stray words are counted; what may be a measurement is kept', () => {
  verifies('NO-SILENT-DROP');
  const trend = '09/21/08 09:56:12 SpO2=097 PR=069 PI=04.69';
  const outcome = decoded(masimoAscii1, bytes(`MASIMO RAD-8\r\n${GOOD} ETCO=38\r\n${GOOD} ~~\r\n`));
  assert.equal(outcome.records.length, 2);
  assert.deepEqual(outcome.rejected, [
    'DECODE-GARBAGE line 12',
    `DECODE-UNKNOWN-CODE line ${GOOD.length + 8}+`,
    `DECODE-FIELD line ${GOOD.length + 3}+`,
  ]);
  // The trend of ASCII 2 is of the past, and must not be taken for what is now.
  assert.deepEqual(one(trend), { records: [], rejected: ['DECODE-GARBAGE line 42+'] });
});

test('a source in test mode marks everything as test data', () => {
  assert.equal(run(masimoAscii1, [bytes(`${GOOD}\r`)], { test: true }).records[0]?.test, true);
});
