import { parseArgs } from 'node:util';
import { type CommandIo, EXIT } from '../../shared/command-line.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { processSignal } from '../../shared/lifecycle.ts';
import { nearest } from '../../shared/nearest.ts';
import { readText } from '../sources/tls.ts';
import { runCallingDevice } from './calling-device.ts';
import { FAULTS, type Fault } from './faults.ts';
import { listensAt, SIMULATORS, simulatorOf } from './index.ts';
import { parseTarget, type Target } from './listen.ts';
import { runListeningDevice } from './listening-device.ts';
import { reporter } from './report.ts';
import { runSerialDevice } from './serial-device.ts';
import type { Simulator } from './simulator.ts';
import type { SimulationOptions, SimulationResult } from './writer.ts';

const HELP = `vitalmesh-agent simulate PROFILE --to HOST:PORT [options]
vitalmesh-agent simulate PROFILE --listen HOST:PORT [options]
vitalmesh-agent simulate --list [--json]

Behaves as a device of that profile: made-up values of a made-up patient (TEST^PATIENT), marked as a test where the
format has a place for it. Where the device writes times without a zone, they are in UTC: give the source \`zone: UTC\` for the
trial. Ends with --count, or when it is told to stop (Ctrl-C), and says what became of it all.

  --to HOST:PORT      where a device calls that calls (an mllp-server source)
  --listen HOST:PORT  where a device listens that listens, and serial lines; port 0 takes any free one
  --tls-ca FILE       calls by TLS; FILE holds the authority of the gateway's certificate (PEM)
  --tls-name NAME     the name in that certificate, where it is not the host of --to
  --bed NAME          the bed alone, without unit and room (BED-1)
  --patient ID        the number of the patient (TEST-0001)
  --seed N            another number, another patient and device (1)
  --every MS          interval; 0 sends one after the other (that of the device unless told)
  --count N           ends after N messages
  --deteriorates      the patient gets worse
  --fault NAME        makes a mistake that real devices make (--list explains them)
  --json              one JSON object a line: what is sent, what is answered
  --list              names the devices and the faults
`;

/** Nothing in it could be read as a separator of HL7, or as somebody's name with blanks. */
const NAME = /^[A-Za-z0-9._-]{1,32}$/;
const MAX_INTERVAL_MS = 3_600_000;
const MAX_COUNT = 1_000_000_000;
const MAX_SEED = 0xff_ff_ff;

interface Call {
  simulator: Simulator;
  at: Target;
  options: Omit<SimulationOptions, 'tell'>;
  json: boolean;
}

/**
 * The command `vitalmesh-agent simulate`. Resolves with its exit code: 0 when the device had somebody to talk to (or waited for somebody), 1
 * when it could not listen or nobody answered its calls, 2 for a call it does not know. Never throws.
 */
export async function runSimulate(argv: readonly string[], io: CommandIo, signal?: AbortSignal): Promise<number> {
  try {
    const call = parse(argv);
    if (typeof call === 'string') {
      io.stdout.write(call);
      return EXIT.ok;
    }
    return await simulate(call, io, signal ?? processSignal());
  } catch (thrown) {
    const { code, message, advice } = asVitalmeshError(thrown);
    io.stderr.write(`${code}: ${message}\n  ${advice}\n`);
    return code === 'USAGE' ? EXIT.usage : EXIT.failed;
  }
}

async function simulate({ simulator, at, options, json }: Call, io: CommandIo, signal: AbortSignal): Promise<number> {
  if (simulator.kind === 'serial')
    io.stderr.write(
      `NOTHING in the format ${simulator.profile} can say that this is a test, so what it sends passes for a patient's: set \`test: true\` for the source that reads it.\n`,
    );
  using report = reporter(io.stdout, json);
  const { connected, ...counts } = await run(simulator, at, { ...options, tell: report.tell }, signal);
  report.tell({ event: 'done', ...counts });
  if (connected || listensAt(simulator) !== undefined || counts.sent === 0) return EXIT.ok;
  throw new VitalmeshError('SOURCE-OPEN', { detail: 'nobody answered the call' });
}

function run(simulator: Simulator, at: Target, options: SimulationOptions, signal: AbortSignal): Promise<SimulationResult> {
  if (simulator.kind === 'serial') return runSerialDevice({ ...options, simulator, at }, signal);
  if (listensAt(simulator) === undefined) return runCallingDevice({ ...options, simulator, target: at }, signal);
  return runListeningDevice({ ...options, simulator, at }, signal);
}

/** What is asked for, or the text that answers it. Throws USAGE. */
function parse(argv: readonly string[]): Call | string {
  const { values, positionals } = parseValues(argv);
  if (values.help) return HELP;
  if (values.list) return values.json ? `${JSON.stringify(listed(), null, 2)}\n` : list();
  const [profile, ...more] = positionals;
  if (profile === undefined || more.length > 0) throw usage('PROFILE is missing, or there is more than one; --list names them');
  const simulator = simulatorOf(profile);
  const fault = values.fault === undefined ? undefined : faultOf(values.fault);
  if (simulator.kind === 'serial' && fault && !fault.moment && !fault.mute) throw usage('--fault of messages, and this device sends none');
  const seed = whole('seed', values.seed ?? '1', MAX_SEED);
  const count = values.count === undefined ? undefined : whole('count', values.count, MAX_COUNT);
  return {
    simulator,
    at: { ...address(simulator, values), ...tlsOf(simulator, values['tls-ca'], values['tls-name']) },
    options: {
      seed,
      count,
      fault,
      bed: name('bed', values.bed ?? 'BED-1'),
      patient: name('patient', values.patient ?? `TEST-${String(seed).padStart(4, '0')}`),
      intervalMs: values.every === undefined ? simulator.intervalMs : whole('every', values.every, MAX_INTERVAL_MS),
      deteriorates: values.deteriorates ?? false,
    },
    json: values.json ?? false,
  };
}

function parseValues(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        to: { type: 'string' },
        listen: { type: 'string' },
        'tls-ca': { type: 'string' },
        'tls-name': { type: 'string' },
        bed: { type: 'string' },
        patient: { type: 'string' },
        seed: { type: 'string' },
        every: { type: 'string' },
        count: { type: 'string' },
        fault: { type: 'string' },
        deteriorates: { type: 'boolean' },
        list: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new VitalmeshError('USAGE', { detail: 'an unknown or incomplete option', cause });
  }
}

function address(simulator: Simulator, { to, listen }: { to?: string | undefined; listen?: string | undefined }): Target {
  const port = listensAt(simulator);
  if (port === undefined && (to === undefined || listen !== undefined)) throw usage('this device calls: --to HOST:PORT');
  if (port !== undefined && (listen === undefined || to !== undefined))
    throw usage(`this device listens: --listen HOST:PORT${port === 0 ? '' : ` (its own port is ${port})`}`);
  const target = parseTarget(to ?? listen ?? '');
  if (!target || (port === undefined && target.port === 0)) throw usage('expected HOST:PORT');
  return target;
}

function tlsOf(simulator: Simulator, caFile: string | undefined, servername: string | undefined): Pick<Target, 'tls'> {
  if (caFile === undefined && servername === undefined) return {};
  if (caFile === undefined || listensAt(simulator) !== undefined) throw usage('--tls-ca and --tls-name are for devices that call by TLS');
  return { tls: { ca: readText(caFile), ...(servername === undefined ? {} : { servername }) } };
}

function faultOf(name: string): Fault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found) return found;
  const guess = nearest(
    name,
    FAULTS.map((fault) => fault.name),
  );
  throw usage(`no such fault; ${guess ? `did you mean '${guess}'?` : '--list names them'}`);
}

function whole(option: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw usage(`--${option} is no whole number up to ${most}`);
  return value;
}

function name(option: string, text: string): string {
  if (option === 'bed' && text.includes('^')) throw usage('--bed is the bed alone: these devices send neither unit nor room');
  if (!NAME.test(text)) throw usage(`--${option} may have letters, digits, dots, dashes and underscores, at most 32`);
  return text;
}

function usage(detail: string): VitalmeshError {
  return new VitalmeshError('USAGE', { detail });
}

function listed(): object {
  const devices = SIMULATORS.map((simulator) => {
    const port = listensAt(simulator);
    return {
      profile: simulator.profile,
      device: simulator.device,
      ...(port === undefined ? { calls: true } : { listens: true, ...(port === 0 ? {} : { port }) }),
      intervalMs: simulator.intervalMs,
    };
  });
  return { devices, faults: FAULTS.map(({ name, does, expect }) => ({ name, does, expect })) };
}

function list(): string {
  const devices = SIMULATORS.map((simulator) => {
    const port = listensAt(simulator);
    const role = port === undefined ? '--to HOST:PORT' : `--listen HOST:${port === 0 ? 'PORT' : port}`;
    return `  ${simulator.profile.padEnd(24)} ${role.padEnd(20)} ${simulator.device}\n`;
  });
  const faults = FAULTS.map(({ name, does, expect }) => `  ${name.padEnd(24)} ${does}\n  ${''.padEnd(24)} → ${expect}\n`);
  return `Devices:\n${devices.join('')}\nFaults:\n${faults.join('')}`;
}
