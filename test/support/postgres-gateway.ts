import assert from 'node:assert/strict';
import type { PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { arrivalOf, batchOf } from '../contract/store.ts';
import { TEST_NOW } from './hub.ts';

/** What a store says while its server is away, or before it knows that it is. */
const PASSING: readonly string[] = ['STORAGE-REMOTE', 'STORAGE-BUSY'];

/** A gateway that sends a batch until it is answered for, now over the one hub, now over the other. */
export class PatientGateway {
  readonly #hubs: readonly PostgresStore[];
  readonly #agent: string;
  readonly #uniform: () => number;
  readonly acknowledged: string[] = [];
  /** Rows of answers that were not the first: they had been stored before, by a commit whose answer was lost. */
  held = 0;
  tries = 0;
  #seq = 0;

  constructor(agent: string, hubs: readonly PostgresStore[], uniform: () => number) {
    this.#agent = agent;
    this.#hubs = hubs;
    this.#uniform = uniform;
  }

  async batch(): Promise<void> {
    const rows = Array.from({ length: 1 + Math.floor(this.#uniform() * 20) }, () => {
      this.#seq += 1;
      const patientId = `pat-${this.#agent}`;
      return arrivalOf({ agent: this.#agent, seq: this.#seq, value: 40 + (this.#seq % 100), effective: TEST_NOW + this.#seq, patientId });
    });
    for (;;) {
      const hub = this.#hubs[Math.floor(this.#uniform() * this.#hubs.length)] ?? assert.fail();
      this.tries += 1;
      try {
        const { results } = await hub.storeBatch(batchOf(rows, { gateway: this.#agent }));
        assert.ok(results.every((result) => result === 'stored' || result === 'held'));
        this.held += results.filter((result) => result === 'held').length;
        break;
      } catch (error) {
        const { code } = asVitalmeshError(error);
        assert.ok(PASSING.includes(code), code);
        await pause(5);
      }
    }
    this.acknowledged.push(...rows.map(({ id }) => id));
  }
}

/** Several of them that go on sending until they are stopped. */
export class SendingGateways {
  readonly gateways: readonly PatientGateway[];
  readonly #ended = new AbortController();
  readonly #sending: Promise<unknown>;
  #waiting: { enough: number; resolve: () => void }[] = [];

  constructor(count: number, hubs: readonly PostgresStore[], uniform: () => number) {
    this.gateways = Array.from({ length: count }, (_, i) => new PatientGateway(`gw-${i}`, hubs, uniform));
    this.#sending = Promise.all(
      this.gateways.map(async (gateway) => {
        while (!this.#ended.signal.aborted) {
          await gateway.batch();
          this.#tell();
        }
      }),
    );
  }

  /** Ids of all that was acknowledged. */
  get promised(): string[] {
    return this.gateways.flatMap((gateway) => gateway.acknowledged);
  }

  /** Resolves once so many rows more are acknowledged; rejects when a gateway fails. */
  async more(rows: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ enough: this.#acknowledged() + rows, resolve });
    await Promise.race([promise, this.#sending]);
  }

  /** Resolves once all that is on its way is answered for. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#sending;
  }

  #acknowledged(): number {
    return this.gateways.reduce((sum, one) => sum + one.acknowledged.length, 0);
  }

  #tell(): void {
    const count = this.#acknowledged();
    for (const { enough, resolve } of this.#waiting) if (count >= enough) resolve();
    this.#waiting = this.#waiting.filter(({ enough }) => count < enough);
  }
}
