import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { AuditEvent } from '../access/access.ts';
import { operatorPrincipal } from '../access/principals.ts';
import { evidenceOfAmended } from '../clinical/amend/carried-out.ts';
import type { StalenessWatch } from '../clinical/staleness-watch.ts';
import type { Feed } from '../feed.ts';
import { isNobody, type ReassignStep } from '../store/placing/placing.ts';
import type { Store } from '../store/store.ts';

const AFTER_FAILURE_MS = 5_000;

export interface CorrectionsOptions {
  store: Pick<Store, 'placing'>;
  feed: Pick<Feed, 'publish'>;
  metrics: Metrics;
  clock: Clock;
  log?: Logger;
  /** Told of what became current or no longer is. */
  staleness?: Pick<StalenessWatch, 'changed'>;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Moves rows that became another patient's, and does what people decided about readings, in small steps, as soon as it is due: at the start, and whenever it is woken behind a commit that told of it. Both
 * patients' readers are told (`corrected`), and the evidence of both says what moved. Counts `rows_reassigned`.
 */
export class Corrections implements Service {
  readonly name = 'corrections';
  readonly #options: CorrectionsOptions & Required<Pick<CorrectionsOptions, 'log' | 'wait'>>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #isAsked = false;

  constructor(options: CorrectionsOptions) {
    this.#options = { log: silentLogger, wait: pause, ...options };
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    this.wake();
  }

  /** To be called behind each commit that may have made rows another's. */
  wake(): void {
    this.#isAsked = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing that was due is left to move. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Resolves when the step at hand is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#isAsked && !signal.aborted) {
      this.#isAsked = false;
      try {
        while (!signal.aborted && (await this.#step()).more);
      } catch (error) {
        this.#isAsked = true;
        this.#options.log.error({ err: asVitalmeshError(error) }, 'rows that became another patient’s could not be moved yet');
        await this.#options.wait(AFTER_FAILURE_MS, signal);
      }
    }
  }

  async #step(): Promise<ReassignStep> {
    const { store, clock, metrics } = this.#options;
    const at = clock.now();
    const step = await store.placing.reassign(at, ({ done, amended }) => [
      ...done.flatMap((order) => evidenceOf(order, at)),
      ...amended.flatMap((one) => evidenceOfAmended(one, at)),
    ]);
    metrics.count('rows_reassigned', '', step.moved);
    this.#tell(step, at);
    return step;
  }

  #tell({ currencies, changed }: ReassignStep, at: Instant): void {
    const { staleness, feed } = this.#options;
    staleness?.changed(currencies);
    for (const { tenant, patient, vitals } of changed)
      if (!isNobody(patient)) feed.publish({ tenant, patient, kind: 'corrected', vitals, at });
  }
}

/**
 * That rows were moved, once for whom they left and once for whom they came to; nothing where none was, and nobody's side has no entry. Done by the configuration of whoever
 * runs the hub.
 */
function evidenceOf(order: ReassignStep['done'][number], at: Instant): AuditEvent[] {
  const { tenant, bed, device = null, from, to, was, is, moved, rolledUp } = order;
  if (moved + rolledUp === 0) return [];
  const { id: principal, role } = operatorPrincipal(process.getuid?.() ?? 0, tenant);
  const common = { at, tenant, principal, role, action: 'patients.place', outcome: 'allowed', channel: 'operator', count: moved } as const;
  // Whom they came from or went to stands in the other entry alone, which is sealed for that one.
  const args = { bed, device, from, to, rolledUp };
  const detail = { credential: { kind: 'local' }, args } as const;
  const sides = [
    { patient: was, reason: 'moved-away' },
    { patient: is, reason: 'moved-here' },
  ];
  return sides.filter(({ patient }) => !isNobody(patient)).map(({ patient, reason }) => ({ ...common, patient, reason, detail }));
}
