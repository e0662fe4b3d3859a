import { type Instant, parseInstant } from '../../shared/clock.ts';
import { type Command, type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { callOperator, nobodyRuns } from '../../shared/operator/client.ts';
import type { TrendView, VersionView } from '../access/history-views.ts';
import { MAX_TREND_BUCKETS } from '../clinical/bucket-edges.ts';
import { type HubConfig, loadHubConfig } from '../config.ts';
import { formatHistory, formatTrend, formatVerdict } from './format.ts';
import type { VerifyNews } from './verifying.ts';

/** What these commands need from the composition root, where no hub runs. */
export interface InspectionPrograms {
  verify(config: HubConfig): AsyncIterable<VerifyNews>;
}

const text = { type: 'string' } as const;
const common = { config: text, tenant: text, patient: text, vital: text, device: text, json: { type: 'boolean' } } as const;

/** The commands of `vitalmesh-hub` that look at what is stored. */
export function inspectionCliCommands(programs: InspectionPrograms): Readonly<Record<'trend' | 'history' | 'verify', Command>> {
  return {
    trend: {
      usage: '--config hub.yaml --patient ID --vital KEY --from TIME --to TIME [--points N] [--device ID] [--tenant NAME] [--json]',
      summary:
        'Shows one vital sign of a patient over time: what the running hub has, in at most N buckets (60 unless told), a series a device.',
      options: { ...common, from: text, to: text, points: text },
      run: async (values, io) => {
        const [from, to] = [instantOf(values, 'from'), instantOf(values, 'to')];
        if (!(from < to)) throw new VitalmeshError('USAGE', { detail: '--from must be before --to' });
        const args = { ...named(values, ['tenant', 'device']), ...pointsOf(values), from, to };
        const [trend] = await asked<TrendView>(values, 'trend', {
          ...args,
          patient: required(values, 'patient'),
          vital: required(values, 'vital'),
        });
        if (trend) print(io, values.json ? JSON.stringify(trend) : formatTrend(trend));
        return EXIT.ok;
      },
    },
    history: {
      usage: '--config hub.yaml --patient ID --vital KEY --device ID --effective TIME [--tenant NAME] [--json]',
      summary: 'Shows every version of one measurement that the running hub has, in order of storing; TIME is the time of the device.',
      options: { ...common, effective: text },
      run: async (values, io) => {
        const which = { patient: required(values, 'patient'), vital: required(values, 'vital'), device: required(values, 'device') };
        const args = { ...named(values, ['tenant']), ...which, effective: instantOf(values, 'effective') };
        const versions = await asked<VersionView>(values, 'history', args);
        print(io, values.json ? JSON.stringify(versions) : formatHistory(versions));
        return EXIT.ok;
      },
    },
    verify: {
      usage: '--config hub.yaml [--json]',
      summary: 'Recomputes what the store keeps twice and names what disagrees, while the hub runs or not; fails when anything does.',
      options: { config: text, json: { type: 'boolean' } },
      run: async (values, io) => {
        for await (const news of verified(programs, loadHubConfig(required(values, 'config')))) {
          if ('progress' in news) {
            const { part, done, of } = news.progress;
            io.stderr.write(`${part}: ${done} of ${of}\n`);
            continue;
          }
          print(io, values.json ? JSON.stringify(news.verdict) : formatVerdict(news.verdict));
          return news.verdict.findings.length === 0 ? EXIT.ok : EXIT.failed;
        }
        throw new VitalmeshError('INTERNAL', { detail: 'a verification without a verdict' });
      },
    },
  };
}

async function* verified(programs: InspectionPrograms, config: HubConfig): AsyncGenerator<VerifyNews> {
  try {
    yield* callOperator(config.operator.socket, 'verify') as AsyncGenerator<VerifyNews>;
  } catch (error) {
    if (!nobodyRuns(error, config.operator.socket)) throw error;
    yield* programs.verify(config);
  }
}

async function asked<T>(values: CommandValues, command: string, args: Record<string, unknown>): Promise<T[]> {
  const rows: T[] = [];
  const { operator } = loadHubConfig(required(values, 'config'));
  try {
    for await (const row of callOperator(operator.socket, command, args)) rows.push(row as T);
  } catch (cause) {
    if (!(cause instanceof VitalmeshError && cause.code === 'NOT-FOUND')) throw cause;
    throw new VitalmeshError('ACCESS-NOT-LISTED', {
      detail: '--patient names nobody of this tenant; registry.yaml lists its patients',
      cause,
    });
  }
  return rows;
}

function pointsOf({ points }: CommandValues): { points?: number } {
  if (typeof points !== 'string') return {};
  const wanted = /^\d{1,6}$/.test(points) ? Number(points) : 0;
  if (wanted < 1 || wanted > MAX_TREND_BUCKETS)
    throw new VitalmeshError('USAGE', { detail: `--points is a whole number from 1 to ${MAX_TREND_BUCKETS}` });
  return { points: wanted };
}

function named(values: CommandValues, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));
}

function instantOf(values: CommandValues, name: string): Instant {
  const instant = parseInstant(required(values, name));
  if (!instant) throw new VitalmeshError('USAGE', { detail: `--${name} is a time with offset, as 2026-11-21T10:00:00+01:00` });
  return instant.at;
}

function print(io: CommandIo, text: string): void {
  io.stdout.write(`${text}\n`);
}
