import assert from 'node:assert/strict';
import { random } from '../../agent/simulate/physiology.ts';
import { pause } from '../../shared/lifecycle.ts';
import { MonitoredSite, type Toll as Settled, type SiteFiles } from './monitored-site.ts';

/** What came of it, for whoever reads the result. */
export interface Toll extends Settled {
  kills: number;
}

/** A site of which either process can be killed at any time. */
export class KilledSite extends MonitoredSite {
  readonly #uniform: () => number;
  #kills = 0;

  private constructor(files: SiteFiles, seed: number) {
    super(files);
    this.#uniform = random(seed);
  }

  static async open(seed: number): Promise<KilledSite> {
    return await MonitoredSite.ready(new KilledSite(await MonitoredSite.furnish(), seed));
  }

  /** So many times: waits until some more messages were acknowledged and kills the agent, every other time with a message on its way. */
  async killAgent(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      await this.acknowledgedMore(1 + Math.floor(this.#uniform() * 40));
      if (i % 2 === 0) await this.nextSent();
      await this.#kill('agent');
    }
  }

  /** So many times: waits until the hub stored some more, and kills it. */
  async killHub(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      const { counts } = await this.hub.until(({ uplink }) => uplink.bound);
      const enough = counts.observations + 1 + Math.floor(this.#uniform() * 40);
      await this.hub.until(({ counts: now }) => now.observations >= enough);
      // Anywhere within a batch, not only right behind a look at it.
      await pause(this.#uniform() * 30);
      await this.#kill('hub');
    }
  }

  override async settled(): Promise<Toll> {
    return { kills: this.#kills, ...(await super.settled()) };
  }

  async #kill(program: 'hub' | 'agent'): Promise<void> {
    const process = this[program];
    await this.restart(program, 'SIGKILL');
    assert.equal(await process.ended, 'SIGKILL');
    this.#kills += 1;
  }
}
