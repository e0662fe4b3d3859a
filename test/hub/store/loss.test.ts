import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossBegins, lossIn } from '../../../hub/store/loss.ts';
import { formatTold, parseTold } from '../../../shared/uplink/lineage.ts';
import { verifies } from '../../requirements.ts';

const [A, B, C, D, X, Y] = ['a', 'b', 'c', 'd', 'x', 'y'].map((letter) => letter.repeat(13)) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const LINEAGE = {
  epochs: [
    { epoch: A, from: 0 },
    { epoch: B, from: 10 },
    { epoch: C, from: 20 },
    { epoch: D, from: 15 },
  ],
  position: 40,
};

test('what a store has lost of what it told of, by what both know of its life', () => {
  verifies('PUT-BACK-NOBODYS');
  const cases: [string, [string, number][], ReturnType<typeof lossIn>][] = [
    ['nothing told', [], undefined],
    [
      'all held',
      [
        [A, 10],
        [B, 15],
      ],
      undefined,
    ],
    ['more of an epoch than was kept of it', [[A, 11]], { to: 10, isCertain: true }],
    ['behind what went back later', [[B, 16]], { to: 15, isCertain: true }],
    [
      'an epoch of another copy, behind one that both know',
      [
        [A, 10],
        [X, 30],
      ],
      { to: 10, isCertain: true },
    ],
    [
      'the same behind the last but one',
      [
        [C, 15],
        [X, 30],
      ],
      { to: 15, isCertain: true },
    ],
    [
      'of two losses the earlier',
      [
        [A, 12],
        [B, 20],
      ],
      { to: 10, isCertain: true },
    ],
    [
      'nothing that both know',
      [
        [X, 30],
        [Y, 50],
      ],
      { to: 10, isCertain: false },
    ],
    ['of the present nobody else knows more', [[D, 99]], undefined],
  ];
  for (const [what, told, expected] of cases) {
    const positions = told.map(([epoch, position]) => ({ epoch, position }));
    assert.deepEqual(lossIn(LINEAGE, positions), expected, what);
    assert.deepEqual(parseTold(formatTold(positions)), positions);
  }
  assert.deepEqual(lossIn({ epochs: [{ epoch: A, from: 0 }], position: 5 }, [{ epoch: X, position: 1 }]), { to: 0, isCertain: false });
});

test('a loss that was noted before, or by a restore, is not noted again', () => {
  verifies('PUT-BACK-NOBODYS');
  assert.equal(lossBegins({ at: 100, next: 200 }, [0, 99, 201]), 100);
  for (const start of [100, 150, 200]) assert.equal(lossBegins({ at: 100, next: 200 }, [start]), undefined);
  assert.equal(lossBegins({ at: 100, next: undefined }, [500]), undefined);
  assert.equal(lossBegins({ at: undefined, next: 200 }, [0]), 1, 'with nothing committed it is all since the store began');
});

test('what is no position is left out of what a gateway tells, and so is too much', () => {
  assert.deepEqual(parseTold(`nonsense,${A}.5,,${B}.-1,${B}.1e3`), [{ epoch: A, position: 5 }]);
  const many = Array.from({ length: 100 }, (_, position) => ({ epoch: A, position }));
  assert.deepEqual(parseTold(formatTold(many)), many.slice(-64));
});
