// `npm run soak -- --minutes N [--json]`: hub, gateways and network under steady load, with a cut of the network or a killed gateway each minute.
// A line a minute and a summary at the end; exit code 1 when anything acknowledged is missing or stored twice, or when memory or descriptors
// grow beyond the bounds of growth.ts.
import { parseArgs } from 'node:util';
import { EXIT, errorText } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { BOUNDS, type Growth, growthOf, type Sample, sampleOf } from './growth.ts';
import { SoakSite } from './site.ts';

const MINUTE_MS = 60_000;
const SAMPLE_MS = 5000;
/** The network is away for so long at a cut. */
const CUT_MS = 5000;
const USAGE = 'npm run soak -- [--minutes N] [--json]\n';

const values = parsed();
const minutes = Number(values.minutes);
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(EXIT.ok);
}
if (!(minutes > 0 && Number.isFinite(minutes))) calledWrongly('--minutes is a number above 0');
const say = (text: string): void => void (values.json ? process.stderr : process.stdout).write(`${text}\n`);

/** The processes that live from beginning to end are the ones whose growth says something; the others are replaced by the disturbances. */
const samples: Record<'hub' | 'gateway-1', Sample[]> = { hub: [], 'gateway-1': [] };
let disturbances = 0;
const site = await SoakSite.open();

function parsed() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch {
    return calledWrongly('an unknown or incomplete option');
  }
}

function calledWrongly(detail: string): never {
  process.stderr.write(`${errorText(new VitalmeshError('USAGE', { detail }))}\n${USAGE}`);
  process.exit(EXIT.usage);
}

function take(): void {
  const atMs = performance.now();
  for (const [name, process] of [['hub', site.hubProcess] as const, ['gateway-1', site.agentOf(0)] as const]) {
    const sample = process.running ? sampleOf(process.pid, atMs) : undefined;
    if (!sample) throw new Error(`${name} has ended: ${process.stderr.slice(-2000)}`);
    samples[name].push(sample);
  }
}

/** By turns the network is killed and comes back, and a gateway is killed and comes back. */
async function disturb(): Promise<string> {
  disturbances += 1;
  if (disturbances % 2 === 1) {
    await site.fabric.stop('SIGKILL');
    await pause(CUT_MS);
    await site.startFabric();
    return 'the network was killed';
  }
  await site.agentOf(1).stop('SIGKILL');
  site.startAgent(1);
  return 'gateway-2 was killed';
}

async function tellMinute(minute: number, what: string): Promise<void> {
  await site.compare();
  const shown = Object.entries(samples).map(([name, of]) => {
    const { rssMb = 0, fds = 0 } = of.at(-1) ?? {};
    return `${name} ${rssMb.toFixed(0)} MB ${fds} descriptors`;
  });
  const waiting = (await site.backlog()).map((rows) => rows ?? '?').join(' + ');
  const { stored, missing } = site.ledger;
  say(`minute ${minute}: ${shown.join(', ')}; ${waiting} rows wait; ${stored} stored, ${missing} on their way; ${what}`);
}

async function run(): Promise<void> {
  const endMs = performance.now() + minutes * MINUTE_MS;
  for (let minute = 1; performance.now() < endMs; minute += 1) {
    const minuteEndMs = Math.min(endMs, performance.now() + MINUTE_MS);
    const what = await disturb();
    while (performance.now() < minuteEndMs) {
      take();
      await pause(Math.min(SAMPLE_MS, Math.max(1, minuteEndMs - performance.now())));
    }
    await tellMinute(minute, what);
  }
  await site.settle();
}

const shownGrowth = ({ rssMb, fds, hours }: Growth): string =>
  `${rssMb.toFixed(1)} MB and ${fds.toFixed(1)} descriptors in the last ${(hours * 60).toFixed(1)} minutes`;

try {
  await run();
  const { stored, missing, unasked } = site.ledger;
  const { counts } = await site.hubProcess.status();
  const growth = Object.fromEntries(Object.entries(samples).map(([name, of]) => [name, growthOf(of)]));
  const isCounted = missing === 0 && unasked === 0 && counts.observations === stored && counts.quarantined === 0;
  const isGood = isCounted && Object.values(growth).every(({ isBounded }) => isBounded);
  const last = Object.fromEntries(Object.entries(samples).map(([name, of]) => [name, of.at(-1)]));
  say(`${minutes} minutes, ${disturbances} disturbances: ${stored} observations stored, ${missing} missing, ${unasked} twice or unasked`);
  for (const [name, of] of Object.entries(growth)) say(`${name} grew by ${shownGrowth(of)}${of.isBounded ? '' : ' (TOO MUCH)'}`);
  if (values.json) {
    const { duplicates, quarantined } = counts;
    const result = { minutes, disturbances, stored, missing, unasked, duplicates, quarantined, last, growth, bounds: BOUNDS, isGood };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  process.exitCode = isGood ? 0 : 1;
} finally {
  await site[Symbol.asyncDispose]();
}
