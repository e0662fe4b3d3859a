import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Outbox } from '../../agent/outbox/outbox.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { verifies } from '../requirements.ts';
import { type TestHub, testHub } from '../support/hub.ts';
import { countsOf, drained, homeRecord, listen, outboxFile, send, storedValuesOf } from '../support/uplink-site.ts';

/** What becomes of one batch at the hub. */
const FATES = ['stored', 'stored', 'cut before', 'cut after', 'unavailable'] as const;
type Fate = (typeof FATES)[number];

const step = fc.constantFrom(
  ...(['append', 'append', 'day', 'day', 'cut', 'agent again', 'hub again', 'copy', 'put back', 'put back'] as const),
);

/** A gateway and a hub to whose files and line anything may happen. */
class Site implements AsyncDisposable {
  readonly #network = createMemoryNetwork();
  readonly #dir = mkdtempSync(join(tmpdir(), 'vitalmesh-faults-'));
  readonly #file = outboxFile();
  readonly #fates: Fate[];
  #outbox: Outbox | undefined;
  #agent: AsyncDisposable | undefined;
  #hub: TestHub | undefined;
  #server: AsyncDisposable | undefined;
  /** Values that were appended. */
  readonly values: number[] = [];

  constructor(fates: readonly Fate[]) {
    this.#fates = [...fates];
  }

  get hub(): TestHub {
    assert.ok(this.#hub);
    return this.#hub;
  }

  get outbox(): Outbox {
    assert.ok(this.#outbox);
    return this.#outbox;
  }

  async startAgent(): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#outbox?.[Symbol.asyncDispose]();
    this.#outbox = await this.#file.open();
    this.#agent = await send(this.#network, this.#outbox);
  }

  async stopHub(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.#hub?.[Symbol.asyncDispose]();
    this.#server = undefined;
    this.#hub = undefined;
  }

  async startHub(): Promise<void> {
    this.#hub = testHub({ dir: this.#dir, key: Buffer.alloc(32, 7) });
    const { ingest } = this.#hub;
    const batch = ingest.batch.bind(ingest);
    ingest.batch = async (identity, bundle) => {
      const fate = this.#fates.shift() ?? 'stored';
      if (fate === 'cut before') this.cut();
      if (fate === 'unavailable') throw new VitalmeshError('INGEST-UNAVAILABLE');
      const answer = await batch(identity, bundle);
      if (fate === 'cut after') this.cut();
      return answer;
    };
    this.#server = await listen(this.#network, this.#hub);
  }

  cut(): void {
    this.#network.down();
    this.#network.up();
  }

  async append(): Promise<void> {
    const values = [0, 1, 2].map((i) => 30 + this.values.length + i);
    this.values.push(...values);
    await this.outbox.append(values.map((value) => homeRecord(undefined, value)));
  }

  /** All that was appended so far is at the hub. */
  async day(): Promise<void> {
    await this.append();
    await drained(this.outbox);
  }

  async copy(): Promise<void> {
    await this.stopHub();
    copyFileSync(join(this.#dir, 'hub.db'), join(this.#dir, 'copy.db'));
    await this.startHub();
  }

  async putBack(): Promise<void> {
    await this.stopHub();
    for (const suffix of ['-wal', '-shm']) rmSync(join(this.#dir, `hub.db${suffix}`), { force: true });
    copyFileSync(join(this.#dir, 'copy.db'), join(this.#dir, 'hub.db'));
    await this.startHub();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#outbox?.[Symbol.asyncDispose]();
    await this.stopHub();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

test('whatever happens to line, agent, hub and the hub’s files, in whatever order: at the end each reading is there once', async () => {
  verifies('EXACTLY-ONCE', 'HUB-RESTORED', 'ANSWER-AFTER-COMMIT');
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 14 }),
      fc.array(fc.constantFrom(...FATES), { maxLength: 12 }),
      async (steps, fates) => {
        await using site = new Site(fates);
        await site.startHub();
        await site.startAgent();
        await site.day();
        await site.copy();
        for (const what of steps) {
          if (what === 'append') await site.append();
          else if (what === 'day') await site.day();
          else if (what === 'cut') site.cut();
          else if (what === 'agent again') await site.startAgent();
          else if (what === 'hub again') {
            await site.stopHub();
            await site.startHub();
          } else if (what === 'copy') await site.copy();
          else await site.putBack();
        }
        await site.day();
        // What a hub lost is found at the next connection.
        await site.startAgent();
        await site.day();
        assert.deepEqual(await storedValuesOf(site.hub), site.values);
        const { observations, quarantined } = await countsOf(site.hub);
        assert.deepEqual([observations, quarantined, (await site.outbox.status()).quarantined], [site.values.length, 0, 0]);
      },
    ),
    { numRuns: 12 },
  );
});
