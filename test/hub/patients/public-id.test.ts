import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPseudonym } from '../../../hub/access/masking/pseudonyms.ts';
import { isMistyped, newPatientId } from '../../../hub/patients/public-id.ts';
import { PATIENT_ID } from '../../../hub/registry/schema.ts';
import { verifies } from '../../requirements.ts';

/** The same id for the same seed. */
const idOf = (bytes: Uint8Array): string => newPatientId(() => bytes);
const random = fc.uint8Array({ minLength: 17, maxLength: 17, max: 247 });

test('a new id is one that registry.yaml takes, holds 84 random bits, and is no other one’s', () => {
  verifies('PATIENT-ID-CHECKED');
  const ids = Array.from({ length: 2000 }, () => newPatientId());
  for (const id of ids) {
    assert.match(id, /^p-[0-9a-hjkmnp-tv-y]{5}-[0-9a-hjkmnp-tv-y]{5}-[0-9a-hjkmnp-tv-y]{5}-[0-9a-hjkmnp-tv-y]{3}$/);
    assert.match(id, PATIENT_ID);
    assert.ok(!isMistyped(id) && !isPseudonym(id));
  }
  assert.equal(new Set(ids).size, ids.length);
  // Bytes that would make some symbols likelier are drawn again.
  const drawn = [new Uint8Array(17).fill(255), new Uint8Array(17).fill(30)];
  assert.equal(newPatientId(() => drawn.shift() ?? assert.fail()).slice(0, 19), 'p-yyyyy-yyyyy-yyyyy');
});

test('an id in which one character is wrong, or two changed places, is mistyped: it is never somebody else', () => {
  verifies('PATIENT-ID-CHECKED');
  const place = fc.nat(17);
  fc.assert(
    fc.property(random, place, fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz'), (bytes, at, wrong) => {
      const id = idOf(bytes);
      const chars = [...id.slice(2).replaceAll('-', '')];
      const was = chars[at];
      chars[at] = wrong;
      const typed = formed(chars);
      assert.equal(isMistyped(typed), was !== wrong);
    }),
  );
  fc.assert(
    fc.property(random, place, place, (bytes, one, other) => {
      const chars = [...idOf(bytes).slice(2).replaceAll('-', '')];
      const [a = '', b = ''] = [chars[one], chars[other]];
      [chars[one], chars[other]] = [b, a];
      assert.equal(isMistyped(formed(chars)), a !== b);
    }),
  );
});

test('of ids of other forms nothing can be told', () => {
  for (const id of ['pat-icu-01', 'p-0001', '', 'p-', 'P-00000-00000-00000-000', 'p-00000-00000-00000-0000'])
    assert.equal(isMistyped(id), false);
});

function formed(chars: readonly string[]): string {
  const text = chars.join('');
  return `p-${text.slice(0, 5)}-${text.slice(5, 10)}-${text.slice(10, 15)}-${text.slice(15)}`;
}
