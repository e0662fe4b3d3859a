import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { adt } from '../../../../agent/hl7/dialects/adt.ts';
import { hl7Profile } from '../../../../agent/hl7/read.ts';
import { isHl7, parseCensusHl7 } from '../../../../hub/patients/hand/census-hl7.ts';
import { CONTEXT, RECEIVED_AT } from '../../../agent/decode/decoding.ts';
import { message } from '../../../agent/hl7/oru.ts';
import { verifies } from '../../../requirements.ts';

const ZONE = 'Europe/Berlin';
const MSH = 'MSH|^~\\&|PAS|HOSP|||20261121100000||ADT^A01|M1|P|2.5';
const EVN = 'EVN||20261121095900';
const PID = 'PID|1||4711^^^HOSP^MR';
const PV1 = 'PV1|1|I|ICU^101^A||||||||||||||||V-500';
const file = (...segments: string[]): string => segments.join('\r\n');

/** The same message as the agent reads it. */
function asAgent(segments: readonly string[]) {
  const { movement } = hl7Profile(adt).read(message(...segments), RECEIVED_AT, { ...CONTEXT, zone: ZONE }).records[0] ?? {};
  const [party] = movement?.parties ?? [];
  if (!party?.bed) return undefined;
  const { patient, visit, bed } = party;
  return { bed, ...patient, ...(visit !== undefined && { visit }), since: movement?.effective };
}

test('a file of admissions gives a row a message, with the line at which it begins', () => {
  verifies('CENSUS-READ');
  const second = file(MSH, EVN, 'PID|1||4712^^^HOSP^MR', 'PV1|1|I|^^B-2');
  const text = `\uFEFF${file(MSH, EVN, PID, PV1)}\r\n\r\n${second}\r\n`;
  assert.ok(isHl7(text) && isHl7(`\u000b${text}`) && !isHl7('bed,authority,number\n'));
  const since = Date.UTC(2026, 10, 21, 8, 59);
  assert.deepEqual(parseCensusHl7(text, ZONE), {
    rows: [
      { line: 1, bed: 'ICU^101^A', authority: 'HOSP', value: '4711', visit: 'V-500', since },
      { line: 6, bed: 'B-2', authority: 'HOSP', value: '4712', since },
    ],
    faults: [],
    claims: [],
  });
});

test('numbers, authorities, beds and times are read as the agent reads them in movements', () => {
  verifies('CENSUS-READ');
  const part = fc.constantFrom('', 'A', 'ICU', '""', ' 7 ', 'x\\T\\y', 'a\\E\\b');
  const cx = fc
    .tuple(
      fc.constantFrom('1', '22', ' 3', 'a\\F\\b', '""', ''),
      fc.constantFrom('', 'HOSP', '&1.2.3&ISO', 'NS&1.2.3&ISO', '""'),
      fc.constantFrom('', 'MR', 'SS'),
    )
    .map(([value, authority, type]) => `${value}^^^${authority}^${type}`);
  fc.assert(
    fc.property(
      fc.array(cx, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '9^^^OLD'),
      fc.tuple(part, part, part),
      fc.constantFrom('', 'V-1', '""'),
      fc.constantFrom('20261121095900', '202611210959', '20261121095900.5+0100', '20261121235900-0330'),
      (ids, older, bed, visit, time) => {
        const pid = `PID|1|${older}|${ids.join('~')}`;
        const pv1 = `PV1|1|I|${bed.join('^')}${'|'.repeat(16)}${visit}`;
        const segments = [MSH, `EVN||20261121080000||||${time}`, pid, pv1];
        const [row] = parseCensusHl7(file(...segments), ZONE).rows;
        const { line: _, ...read } = row ?? { line: 0 };
        assert.deepEqual(row && read, asAgent(segments));
      },
    ),
    { numRuns: 300 },
  );
});

test('what is no admission, a test, of several patients or unreadable is told by its line', () => {
  verifies('CENSUS-READ');
  const faults = (...segments: string[]) => parseCensusHl7(file(MSH, EVN, PID, PV1, ...segments), ZONE).faults;
  const one = (fault: string) => [{ line: 5, fault }];
  assert.deepEqual(faults(MSH.replace('A01', 'A02'), EVN, PID, PV1), one('event'));
  assert.deepEqual(faults(MSH.replace('ADT', 'ORU'), EVN, PID, PV1), one('event'));
  for (const mode of ['T', 'D', '']) assert.deepEqual(faults(MSH.replace('|P|', `|${mode}|`), EVN, PID, PV1), one('test'), mode);
  assert.deepEqual(faults(MSH, EVN, PID, 'PID|2||1', PV1), one('message'));
  assert.deepEqual(faults(MSH, EVN, PV1), one('number'));
  assert.deepEqual(faults(MSH, EVN, 'PID|1||1\\X31\\', PV1), one('number'));
  assert.deepEqual(faults(MSH, EVN, PID), one('bed'));
  for (const time of ['20261121', '20261321095900', '20261131095900', 'now'])
    assert.deepEqual(faults(MSH, `EVN||${time}`, PID, PV1), one('since'), time);
  assert.deepEqual(parseCensusHl7('PID|1||4711\r', ZONE).faults, [{ line: 1, fault: 'message' }]);
});
