import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { heldThrough, type Lineage, type StorePosition } from '../../../shared/uplink/lineage.ts';
import { verifies } from '../../requirements.ts';

const [A, B, C] = ['aaaaaaaaaaaaa', 'bbbbbbbbbbbbb', 'ccccccccccccc'];

test('what a store holds of an epoch ends where the next one began, and of the present one where the store stands', () => {
  verifies('HUB-RESTORED');
  const epochs = [
    { epoch: A, from: 0 },
    { epoch: B, from: 50 },
    { epoch: C, from: 80 },
  ];
  const lineage: Lineage = { epochs, position: 95 };
  assert.equal(heldThrough(lineage, A), 50);
  assert.equal(heldThrough(lineage, B), 80);
  assert.equal(heldThrough(lineage, C), 95);
  assert.equal(heldThrough(lineage, 'ddddddddddddd'), -1, 'of an epoch that is none of its life, nothing');
  assert.equal(heldThrough({ epochs: [{ epoch: A, from: 0 }], position: 12 }, A), 12);
  assert.equal(heldThrough({ epochs, position: 30 }, A), 30, 'never more than there is');
});

/** A store that is copied, put back and opened in any order, as the files of a real one are. */
class ModelStore {
  #commits: number[] = [];
  #epochs = [{ epoch: 'e0', from: 0 }];
  #copies: { commits: number[]; epochs: { epoch: string; from: number }[] }[] = [];
  #epochsMade = 0;

  get holds(): ReadonlySet<number> {
    return new Set(this.#commits);
  }

  get lineage(): Lineage {
    return { epochs: this.#epochs, position: this.#commits.length };
  }

  commit(row: number): StorePosition {
    this.#commits.push(row);
    return { epoch: this.#epochs.at(-1)?.epoch ?? '', position: this.#commits.length };
  }

  copy(): void {
    this.#copies.push({ commits: [...this.#commits], epochs: [...this.#epochs] });
  }

  putBack(which: number): void {
    const copy = this.#copies[which % Math.max(1, this.#copies.length)];
    if (!copy) return;
    this.#commits = [...copy.commits];
    this.#epochs = [...copy.epochs];
    this.open();
  }

  open(): void {
    this.#epochsMade += 1;
    const from = this.#commits.length;
    this.#epochs = [...this.#epochs.filter((epoch) => epoch.from !== from), { epoch: `e${this.#epochsMade}`, from }];
  }
}

test('whatever becomes of a store’s files, a gateway that goes by the lineage never takes for held what is not, nor sends what is', () => {
  verifies('HUB-RESTORED');
  const step = fc.oneof(
    fc.record({ is: fc.constant('commit' as const), which: fc.nat(99) }),
    fc.record({ is: fc.constant('others' as const), which: fc.nat(99) }),
    fc.record({ is: fc.constantFrom('copy' as const, 'open' as const, 'putBack' as const), which: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const store = new ModelStore();
      const delivered = new Map<number, StorePosition>();
      let others = 1000;
      for (const { is, which } of steps) {
        if (is === 'commit') delivered.set(which, store.commit(which));
        else if (is === 'others') for (let n = 0; n <= which % 5; n += 1) store.commit(others++);
        else if (is === 'copy') store.copy();
        else if (is === 'open') store.open();
        else store.putBack(which);
        for (const [row, { epoch, position }] of delivered) {
          const taken = position <= heldThrough(store.lineage, epoch);
          if (taken) assert.ok(store.holds.has(row), `${row} at ${epoch}.${position} is not held`);
        }
      }
      for (const [row, { epoch, position }] of delivered) {
        // Nothing was put back since: then all of it is taken for held.
        if (!steps.some(({ is }) => is === 'putBack')) assert.ok(position <= heldThrough(store.lineage, epoch), String(row));
      }
    }),
    { numRuns: 500 },
  );
});
