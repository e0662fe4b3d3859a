import { z } from 'zod';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { panel, vital as rowOf } from '../../../../shared/vitals.ts';
import { withheldFrom } from '../../../access/decide.ts';
import { latestUri, parseUri, uriOf } from '../../uris.ts';
import { type Call, tool } from '../contract.ts';
import { changesBetween, hasChanged, keptOf, type Snapshot, snapshotOf, standingOf } from '../wait/changes.ts';
import { type Outcome, type Waited, waitedText, waitedView, waitSchema } from '../wait/view.ts';

const MOST_SECONDS = 25;
const MOST_PATIENTS = 32;
const MOST_CHANGES = 512;

const input = z.object({
  patients: z.array(z.string().min(1).max(256)).min(1).max(MOST_PATIENTS).describe('Opaque patient ids, as find_patients gives them.'),
  vitals: z.array(z.string().min(1).max(64)).min(1).max(64).optional().describe('Keys to watch; all unless given.'),
  minimum_change: z
    .record(z.string().max(64), z.number().nonnegative())
    .default({})
    .describe(
      'By key, in its own unit: a value that differs by less is unchanged, such as {"hr": 10, "spo2": 3}. Without it every other value is a change.',
    ),
  timeout_seconds: z.number().min(1).max(MOST_SECONDS).default(20).describe('How long to wait at most.'),
  since: z.string().max(64).optional().describe('`since` of the call before, to miss nothing between both.'),
});

type Asked = z.infer<typeof input>;

/** What a caller was told last. */
interface Baseline {
  of: string;
  snapshots: ReadonlyMap<string, Snapshot>;
}

export const waitForChange = tool({
  name: 'wait_for_change',
  title: 'Wait for a change',
  description: `Waits up to ${MOST_SECONDS} s until values of any of these patients change by at least what is asked for, get lost or come back, a device alarms, or somebody is moved; for clients that cannot subscribe. Tells unchanged from no_data, which is no calm, and when to ask again. One call at a time.`,
  action: 'vitals.subscribe',
  input,
  output: waitSchema,
  async call(asked, call) {
    const { waits, caller, clock, signal, progress, fit } = call;
    const startedMs = clock.monotonicMs();
    const names = [...new Set(asked.patients)];
    const uris = names.flatMap((id) => [latestUri(id), uriOf('alerts', { id })]);
    using watching = await waits.open(caller, names, uris);
    const subject = subjectOf(asked, call);
    const known = baselineOf(subject, waits.recall(caller, asked.since ?? ''));
    const round = new Round(asked, call, known);
    for (const name of names) await round.look(name, true);
    round.requireKeys();
    const spentMs = (): number => clock.monotonicMs() - startedMs;
    const mostMs = asked.timeout_seconds * 1000;
    while (!round.hasChanged && spentMs() < mostMs) {
      await round.hear(await watching.changed(Math.max(0, mostMs - spentMs()), signal));
      await progress(spentMs(), mostMs);
    }
    const since = waits.remember(caller, { of: subject, snapshots: round.snapshots } satisfies Baseline);
    const outcomes = round.outcomes;
    const about = {
      since,
      wentOn: known !== undefined,
      waitedMs: spentMs(),
      notice: round.notice,
      ...(round.masked && { masked: round.masked }),
      ...(round.withheld && { withheld: round.withheld }),
    };
    return fit(MOST_CHANGES, (rows) => {
      const data = waitedView(outcomes, rows, about);
      const changed = data.patients.filter(({ status }) => status === 'changed').slice(0, 8);
      const links = changed.map(({ patient }) => ({
        uri: latestUri(patient),
        name: `latest-${patient}`,
        description: 'What is current now.',
      }));
      return { text: waitedText(data), data, links };
    });
  },
});

/** What is watched, and how much of it the caller is shown: a baseline of something else is none, for what an earlier token or policy showed is not told by a later one that hides it, and did not go. */
function subjectOf({ patients, vitals }: Asked, { caller, door }: Pick<Call, 'caller' | 'door'>): string {
  const shown = [withheldFrom(caller, 'vitals.read'), door.maskOf(caller)];
  return JSON.stringify([[...new Set(patients)].sort(), [...new Set(vitals ?? [])].sort(), shown]);
}

/** What the caller was told last of the same, under the name that it gives. */
function baselineOf(subject: string, told: unknown): Baseline['snapshots'] | undefined {
  const baseline = told as Baseline | undefined;
  return baseline?.of === subject ? baseline.snapshots : undefined;
}

/** The patients of one call, as they are found to be. */
class Round {
  readonly #asked: Asked;
  readonly #call: Call;
  readonly #before: Map<string, Snapshot>;
  /** By the names by which the caller asked. */
  readonly #now = new Map<string, Outcome>();
  /** Keys of what these patients have, beside the table: a site's own. */
  readonly #keys = new Set<string>();
  notice = '';
  masked: Waited['masked'];
  withheld: Waited['withheld'];

  constructor(asked: Asked, call: Call, before: ReadonlyMap<string, Snapshot> = new Map()) {
    this.#asked = asked;
    this.#call = call;
    this.#before = new Map(before);
  }

  get hasChanged(): boolean {
    return this.outcomes.some(({ changes }) => hasChanged(changes));
  }

  get outcomes(): Outcome[] {
    return [...this.#now.values()];
  }

  /** Of what did not change enough the one from before, so that a slow drift adds up over calls. */
  get snapshots(): ReadonlyMap<string, Snapshot> {
    return new Map(
      [...this.#now].map(([name, { now, changes }]) => [name, keptOf(hasChanged(changes) ? now : (this.#before.get(name) ?? now))]),
    );
  }

  /** Nobody is kept waiting for what is no vital sign, which would look as calm as one that does not change. Throws MCP-VITAL. */
  requireKeys(): void {
    const { vitals = [], minimum_change: minimum } = this.#asked;
    for (const key of [...vitals, ...Object.keys(minimum)])
      if (!rowOf(key) && !panel(key) && !this.#keys.has(key)) throw new VitalmeshError('MCP-VITAL');
  }

  /** Looks at what the feed told of. */
  async hear(uris: readonly string[]): Promise<void> {
    const heard = new Map<string, boolean>();
    for (const ref of uris.flatMap((uri) => parseUri(uri) ?? [])) {
      if (ref.kind === 'alerts') heard.set(ref.vars.id, true);
      if (ref.kind === 'latest') heard.set(ref.vars.id, heard.get(ref.vars.id) ?? false);
    }
    for (const [name, withAlerts] of heard) await this.look(name, withAlerts);
  }

  /** Reads what is current of a patient, and how alerts stand where that may be otherwise. */
  async look(name: string, withAlerts: boolean): Promise<void> {
    const { door, caller, context, signal } = this.#call;
    const { vitals, minimum_change: minimum } = this.#asked;
    signal.throwIfAborted();
    // Counted when it was subscribed to.
    const followed = { ...context, followed: true };
    const view = await door.latest(caller, name, followed);
    for (const { vital, components } of view.vitals)
      for (const key of [vital, ...components.map((part) => part.vital)]) this.#keys.add(key);
    const known = withAlerts ? undefined : this.#now.get(name)?.now.alerts;
    const now = snapshotOf(view, known ?? standingOf(await door.alerts(caller, name, followed)), vitals);
    const before = this.#before.get(name) ?? now;
    this.#before.set(name, before);
    this.notice = view.notice;
    this.masked = view.masked;
    this.withheld = view.withheld && [...view.withheld];
    this.#now.set(name, { patient: view.patient, asOf: view.asOf, zone: view.zone, now, changes: changesBetween(before, now, minimum) });
  }
}
