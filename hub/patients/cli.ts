import { formatInstant, parseInstant } from '../../shared/clock.ts';
import { type CommandGroup, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { jsonWithTimes } from '../../shared/json-times.ts';
import { callOperator, nobodyRuns } from '../../shared/operator/client.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import { type PatientPrograms, patientRightsCommands } from '../privacy/cli.ts';
import { type HandPrograms, handCommands } from './hand/cli.ts';
import type { Whereabouts } from './operator.ts';
import { newPatientId } from './public-id.ts';
import type { BedAt } from './where.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface PatientsPrograms extends PatientPrograms, HandPrograms {
  where(config: HubConfig, args: Record<string, unknown>): AsyncIterable<unknown>;
}

const text = { type: 'string' } as const;

/** Times in the JSON of `where`. */
const TIMES = new Set(['at', 'since', 'until']);

/** Most ids that one call makes. */
const MOST_IDS = 5000;

/** `vitalmesh-hub patients …`: ids, who lay where, and what a person may ask about their data. */
export function patientsCliCommands(programs: PatientsPrograms): { patients: CommandGroup } {
  return {
    patients: {
      summary:
        'Ids for new patients, who lies where, said and shown, and what one person may ask about their data: a copy of all of it, and that it is erased.',
      commands: {
        id: {
          usage: '[--count N]',
          summary:
            'Makes N new patient ids (one unless told) for registry.yaml: random, and with a character by which a mistyped one is known.',
          options: { count: text },
          run: async ({ count = '1' }, io) => {
            const wanted = /^\d{1,4}$/.test(String(count)) ? Number(count) : 0;
            if (wanted < 1 || wanted > MOST_IDS)
              throw new VitalmeshError('USAGE', { detail: `--count is a whole number from 1 to ${MOST_IDS}` });
            for (let made = 0; made < wanted; made += 1) io.stdout.write(`${newPatientId()}\n`);
            return EXIT.ok;
          },
        },
        where: {
          usage: '--config hub.yaml [--at TIME] [--bed BED] [--tenant NAME] [--json]',
          summary:
            'Shows who lay in each bed, or in one, now or at TIME, by every movement that was stored and by the hospital’s numbers; readings follow that in beds that registry.yaml lists as followed.',
          explained: [
            'occupied     one person lay there',
            'unconfirmed  perhaps: what was said contradicts itself, so a movement was missed',
            'conflict     several were said to be there at once',
            'unknown      nothing was ever said of this bed: somebody may lie there',
          ],
          options: { config: text, at: text, bed: text, tenant: text, json: { type: 'boolean' } },
          run: async (values, io) => {
            const config = loadHubConfig(required(values, 'config'));
            const at = typeof values.at === 'string' ? parseInstant(values.at)?.at : undefined;
            if (values.at !== undefined && at === undefined)
              throw new VitalmeshError('USAGE', { detail: '--at is a time with offset, as 2026-11-21T10:00:00+01:00' });
            const { bed, tenant } = values;
            const args = { ...(at !== undefined && { at }), ...(bed !== undefined && { bed }), ...(tenant !== undefined && { tenant }) };
            for await (const where of asked(programs, config, args))
              io.stdout.write(`${values.json ? jsonWithTimes(where, TIMES) : formatWhereabouts(where)}\n`);
            return EXIT.ok;
          },
        },
        ...handCommands(programs),
        ...patientRightsCommands(programs),
      },
    },
  };
}

async function* asked(programs: PatientsPrograms, config: HubConfig, args: Record<string, unknown>): AsyncGenerator<Whereabouts> {
  try {
    yield* callOperator(config.operator.socket, 'patients-where', args) as AsyncGenerator<Whereabouts>;
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    yield* programs.where(config, args) as AsyncIterable<Whereabouts>;
  }
}

/** A line a bed. */
export function formatWhereabouts({ at, beds, movements, tests }: Whereabouts): string {
  const from = `By ${movements} movement${movements === 1 ? '' : 's'}${tests === 0 ? '' : ` (${tests} marked as test left out)`}`;
  const head = `${from}, as of ${formatInstant(at)}:`;
  const wide = Math.max(...beds.map(({ bed }) => bed.length), 0);
  return [head, ...(beds.length === 0 ? ['nothing was said of any bed'] : beds.map((bed) => formatBed(bed, wide)))].join('\n');
}

function formatBed({ bed, state, patients, since, until }: BedAt, wide: number): string {
  const who = patients.map(({ authority, value }) => (authority === '' ? value : `${authority}|${value}`)).join(' or ');
  const times = [since !== null && `since ${formatInstant(since)}`, until !== null && `until ${formatInstant(until)}`]
    .filter(Boolean)
    .join(', ');
  return `${bed.padEnd(wide)}  ${state.padEnd(11)}  ${[who, times].filter(Boolean).join('  ')}`.trimEnd();
}
