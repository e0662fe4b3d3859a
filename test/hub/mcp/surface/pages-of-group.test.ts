import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cursorOf, MAX_GROUP_CURSOR, notShown } from '../../../../hub/mcp/surface/pages-of-group.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { verifies } from '../../../requirements.ts';

const refused = (error: unknown) => error instanceof VitalmeshError && error.code === 'MCP-CURSOR';
const named = (ids: readonly string[]) => ids.map((patient) => ({ patient }));

test('pages show everybody once, in whatever order they are at each', () => {
  verifies('MCP-GROUP-OVERVIEW');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { maxLength: 40 }),
      fc.array(fc.nat()),
      fc.integer({ min: 1, max: 7 }),
      (ids, shuffles, page) => {
        const seen: string[] = [];
        let cursor: string | undefined;
        for (let turn = 0; ; turn += 1) {
          const at = (shuffles[turn] ?? 0) % (ids.length + 1);
          const members = named([...ids.slice(at), ...ids.slice(0, at)]);
          const left = notShown(members, cursor);
          seen.push(...left.slice(0, page).map(({ patient }) => patient));
          const rest = left.slice(page);
          if (rest.length === 0) break;
          cursor = cursorOf(members, rest);
        }
        assert.deepEqual(seen.toSorted(), ids.toSorted());
      },
    ),
  );
});

test('a cursor of another group, of one that somebody came to, and of nowhere are refused', () => {
  verifies('MCP-GROUP-OVERVIEW');
  const members = named(['pat-0001', 'pat-0002']);
  const cursor = cursorOf(members, named(['pat-0002']));
  assert.deepEqual(notShown(members, cursor), named(['pat-0002']));
  for (const other of [['pat-0001'], ['pat-0001', 'pat-0003'], ['pat-0001', 'pat-0002', 'pat-0003']])
    assert.throws(() => notShown(named(other), cursor), refused);
  for (const odd of ['', 'AAAA', `${cursor}A`, `${cursor}=`, '..']) assert.throws(() => notShown(members, odd), refused);
});

test('the cursor of a hospital is not too long', () => {
  verifies('MCP-GROUP-OVERVIEW');
  const members = named(Array.from({ length: 20_000 }, (_, i) => `pat-${i}`));
  assert.ok(cursorOf(members, members).length <= MAX_GROUP_CURSOR);
});
