import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { canonicalEvent } from '../../../hub/audit/chain.ts';
import { entryText, openEntry, type SubjectKey } from '../../../hub/audit/sealed.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';

const STORE = 'store-1';
const KEY: SubjectKey = { subject: 7, secret: randomBytes(32) };

const anyEvent = fc
  .record({
    patient: fc.string({ minLength: 1 }),
    response: fc.option(fc.string(), { nil: undefined }),
    args: fc.option(fc.dictionary(fc.constantFrom('vital', 'from', 'points'), fc.oneof(fc.string(), fc.integer(), fc.constant(null))), {
      nil: undefined,
    }),
    shown: fc.option(fc.array(fc.tuple(fc.string(), fc.nat())), { nil: undefined }),
  })
  .map(({ patient, ...detail }): AuditEvent => event(1, { patient, detail: JSON.parse(JSON.stringify({ policy: 'p', ...detail })) }));

test('whatever was recorded is read back, and of a key that is gone all but the patient', () => {
  verifies('AUDIT-SEALED');
  fc.assert(
    fc.property(anyEvent, (recorded) => {
      const text = entryText(recorded, KEY, STORE);
      assert.deepEqual(
        openEntry(text, STORE, () => KEY.secret),
        { event: recorded, subject: 7, erased: false },
      );
      const { patient: _, detail, ...legible } = recorded;
      const { response, args, shown, ...open } = detail ?? {};
      assert.deepEqual(
        openEntry(text, STORE, () => undefined),
        {
          event: { ...legible, patient: null, detail: open },
          subject: 7,
          erased: true,
        },
      );
    }),
  );
});

test('what is sealed opens with its own key, of its own subject and store, and unchanged', () => {
  verifies('AUDIT-SEALED');
  const text = entryText(event(1, { patient: 'pat-1' }), KEY, STORE);
  const { sealed } = JSON.parse(text) as { sealed: string };
  const changed = Buffer.from(sealed, 'base64');
  changed[20] = (changed[20] ?? 0) ^ 1;
  const opened = [
    openEntry(text, STORE, () => randomBytes(32)),
    openEntry(text, 'store-2', () => KEY.secret),
    openEntry(text.replace('"subject":7', '"subject":8'), STORE, () => KEY.secret),
    openEntry(text.replace(sealed, changed.toString('base64')), STORE, () => KEY.secret),
  ];
  for (const { event: read, damaged, erased } of opened) assert.deepEqual([read.patient, damaged, erased], [null, true, false]);
});

test('an entry about nobody, and one of before patients had keys, is read as it stands', () => {
  verifies('AUDIT-SEALED');
  for (const recorded of [event(1), event(2, { patient: 'pat-1' })]) {
    const text = canonicalEvent(recorded);
    assert.equal(recorded.patient === null ? entryText(recorded, undefined, STORE) : text, text);
    assert.deepEqual(
      openEntry(text, STORE, () => undefined),
      { event: recorded, subject: null, erased: false },
    );
  }
});
