import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { canonicalEvent } from '../../../hub/audit/link.ts';
import { entryText, type NamedKey, openEntry, subjectsOf } from '../../../hub/audit/sealed.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';

const STORE = 'store-1';
const KEY: NamedKey = { subject: 7, secret: randomBytes(32), patient: 'pat-1' };

const anyEvent = fc
  .record({
    patient: fc.string({ minLength: 1 }),
    response: fc.option(fc.string(), { nil: undefined }),
    claimed: fc.option(fc.record({ client: fc.string() }), { nil: undefined }),
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
      const text = entryText(recorded, [KEY], STORE);
      assert.deepEqual(
        openEntry(text, STORE, () => KEY),
        { event: recorded, subject: 7, erased: false },
      );
      const { patient: _, detail, ...legible } = recorded;
      const { response, args, shown, claimed, ...open } = detail ?? {};
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
  const text = entryText(event(1, { patient: 'pat-1' }), [KEY], STORE);
  const { sealed } = JSON.parse(text) as { sealed: string };
  const changed = Buffer.from(sealed, 'base64');
  changed[20] = (changed[20] ?? 0) ^ 1;
  const opened = [
    openEntry(text, STORE, () => ({ ...KEY, secret: randomBytes(32) })),
    openEntry(text, 'store-2', () => KEY),
    openEntry(text.replace('"subject":7', '"subject":8'), STORE, () => KEY),
    openEntry(text.replace(sealed, changed.toString('base64')), STORE, () => KEY),
  ];
  for (const entry of opened) assert.deepEqual([entry?.event.patient, entry?.damaged, entry?.erased], [null, true, false]);
});

test('an entry about nobody, and one of before patients had keys, is read as it stands', () => {
  verifies('AUDIT-SEALED');
  for (const recorded of [event(1), event(2, { patient: 'pat-1' })]) {
    const text = canonicalEvent(recorded);
    assert.equal(recorded.patient === null ? entryText(recorded, [], STORE) : text, text);
    assert.deepEqual(
      openEntry(text, STORE, () => undefined),
      { event: recorded, subject: null, erased: false },
    );
  }
});

test('of what showed many at once the numbers stand there, and whose a new one is, sealed; whoever was erased is left out', () => {
  verifies('AUDIT-SEALED', 'AUDIT-SHOWN');
  const keys: NamedKey[] = [
    { subject: 3, secret: randomBytes(32), patient: 'pat-3' },
    { subject: 8, secret: randomBytes(32), patient: 'pat-8', isNew: true },
  ];
  const recorded = event(2, { patients: ['pat-3', 'pat-8'] });
  const text = entryText(recorded, keys, STORE);
  assert.doesNotMatch(text, /pat-/);
  assert.deepEqual(subjectsOf(text), [3, 8]);
  const keyOf = (subject: number): NamedKey | undefined => keys.find((key) => key.subject === subject);
  assert.deepEqual(openEntry(text, STORE, keyOf), { event: recorded, subject: null, subjects: [3, 8], erased: false });
  const without = openEntry(text, STORE, (subject) => (subject === 3 ? undefined : keyOf(subject)));
  assert.deepEqual([without?.event.patients, without?.damaged], [['pat-8'], undefined]);
  const renamed = openEntry(text, STORE, (subject) => ({ secret: keyOf(subject)?.secret ?? assert.fail(), patient: 'pat-x' }));
  assert.deepEqual(renamed?.event.patients, ['pat-x', 'pat-8'], 'the name of a new one is what was sealed');
  const other = openEntry(text, STORE, () => ({ secret: randomBytes(32), patient: 'pat-x' }));
  assert.equal(other?.damaged, true);
});

test('what is no JSON, or of a form that is not known, is no entry, and opening it throws nothing', () => {
  verifies('AUDIT-UNREAD');
  const text = entryText(event(1), [], STORE);
  const whole = JSON.parse(text) as Record<string, unknown>;
  const wrong = ['', 'x', '[]', 'null', '7', '"x"', '{}', text.slice(1), text.slice(0, -1)];
  for (const [name, value] of [
    ['v', 9],
    ['at', '2026'],
    ['tenant', 1],
    ['principal', null],
    ['detail', 'x'],
    ['subjects', [['x', 1]]],
    ['count', {}],
  ] as const)
    wrong.push(JSON.stringify({ ...whole, [name]: value }));
  for (const entry of wrong) {
    assert.equal(
      openEntry(entry, STORE, () => undefined),
      undefined,
      entry,
    );
    assert.deepEqual(subjectsOf(entry), []);
  }
});
