import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type Clock, isZone, systemClock } from '../shared/clock.ts';
import { type CommandIo, EXIT } from '../shared/command-line.ts';
import { asVitalmeshError, ERRORS, VitalmeshError } from '../shared/errors.ts';
import { checkRecord } from '../shared/reading-check.ts';
import { type Decoded, identifier, MAX_IDENTIFIER, type Profile, type Rejected } from './decoding.ts';
import { DEFAULT_MAX_FRAME_BYTES } from './framing/framing.ts';
import type { Dialect } from './hl7/dialect.ts';
import { PROFILES, profileOrFile } from './profiles.ts';
import { resourcesOf } from './resources.ts';
import { UnknownCodes } from './unknown-codes.ts';

/** Observations of `decode` never go to a hub; a fixed epoch keeps their ids the same from run to run. */
const KEY = { agent: 'decode', epoch: '0000000000000' } as const;

const HELP = `vitalmesh-agent decode --profile NAME [options] < bytes
vitalmesh-agent decode --list [--json]

Reads what a device sent and prints one FHIR R4 Observation a line; what could not be read goes to
standard error, one JSON object a line: {"code","part","bytes","message","advice"}, without its content.

  --profile NAME   how the bytes are to be read (--list names the profiles), or the path of a .yaml file:
                   a dialect of HL7 or a mapping of your own
  --patient ID     the patient, where the bytes name none
  --zone ZONE      time zone of device times that carry none (Europe/Berlin); UTC unless given
  --test           mark everything as test data
  --codes          at the end, each code that is not in the table with how often it came, to standard error
  --waves          read waves, too
  --list           name the profiles, with kind, vendor, models and protocol; of HL7, who connects and what
                   it can say about alarms
  --json           the list as JSON
`;

export interface DecodeIo extends CommandIo {
  /** Where the time of receipt comes from; the machine's clock unless given. */
  clock?: Clock;
}

interface Options {
  profile: Profile;
  patient: string | undefined;
  zone: string;
  test: boolean;
  codes: boolean;
  waves: boolean;
}

/**
 * The command `vitalmesh-agent decode`. Resolves with its exit code: 0 if the input could be read at all, however much of it was
 * rejected; 2 for a call it does not know; 1 when reading the input failed. Never throws.
 */
export async function runDecode(argv: readonly string[], io: DecodeIo): Promise<number> {
  try {
    const options = parse(argv);
    if (typeof options === 'string') {
      io.stdout.write(options);
      return EXIT.ok;
    }
    await decode(options, io);
    return EXIT.ok;
  } catch (thrown) {
    // Whoever read our output has seen enough (`decode … | head`).
    if ((thrown as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.ok;
    const error = asVitalmeshError(thrown, 'SOURCE-LOST');
    io.stderr.write(`${JSON.stringify({ code: error.code, message: error.message, advice: error.advice })}\n`);
    return error.code === 'USAGE' || error.code === 'DECODE-PROFILE' ? EXIT.usage : EXIT.failed;
  }
}

/** What is asked for, or the text that answers it. Throws USAGE, DECODE-PROFILE. */
function parse(argv: readonly string[]): Options | string {
  const values = parseValues(argv);
  if (values.help) return HELP;
  if (values.list) return values.json ? `${JSON.stringify(PROFILES.map(listed), null, 2)}\n` : PROFILES.map(listLine).join('');
  if (values.profile === undefined) throw new VitalmeshError('USAGE', { detail: '--profile is missing' });
  if (values.zone !== undefined && !isZone(values.zone))
    throw new VitalmeshError('USAGE', { detail: '--zone is no zone of the time zone database' });
  const patient = values.patient === undefined ? undefined : identifier(values.patient, MAX_IDENTIFIER);
  if (values.patient !== undefined && patient === undefined) throw new VitalmeshError('USAGE', { detail: '--patient is no identifier' });
  const chosen = profileOrFile(values.profile);
  return {
    profile: chosen,
    patient,
    zone: values.zone ?? 'UTC',
    test: values.test ?? false,
    codes: values.codes ?? false,
    waves: values.waves ?? false,
  };
}

function parseValues(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        profile: { type: 'string' },
        patient: { type: 'string' },
        zone: { type: 'string' },
        test: { type: 'boolean' },
        codes: { type: 'boolean' },
        waves: { type: 'boolean' },
        list: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new VitalmeshError('USAGE', { detail: 'an unknown or incomplete option', cause });
  }
}

type Listed = Pick<Profile, 'name' | 'kind' | 'vendor' | 'models' | 'protocol'> & Partial<Pick<Dialect, 'connects' | 'alarms'>>;

function listed(profile: Profile): Listed {
  const { name, kind, vendor, models, protocol } = profile;
  const { connects, alarms } = profile.kind === 'hl7' ? profile.dialect : {};
  return { name, kind, vendor, models, protocol, ...(connects && { connects }), ...(alarms && { alarms }) };
}

function listLine(profile: Profile): string {
  const { name, kind, vendor, models, protocol } = profile;
  const more = profile.kind === 'hl7' ? `; ${whoConnects(profile.dialect)}; ${saysOfAlarms(profile.dialect)}` : '';
  return `${name.padEnd(24)} ${kind.padEnd(7)} ${vendor}: ${models.join(', ')}; ${protocol}${more}\n`;
}

function whoConnects({ connects: { senderCalls, senderListensAt } }: Dialect): string {
  return [...(senderCalls ? ['calls us'] : []), ...(senderListensAt === undefined ? [] : [`is called at port ${senderListensAt}`])].join(
    ' or ',
  );
}

/** Where a source says nothing, its silence is no calm. */
function saysOfAlarms({ alarms: { form, says } }: Dialect): string {
  return form === 'none' ? 'no alarms: silence says nothing' : `alarms (${form}): ${says.join(', ')}`;
}

async function decode(
  { profile: { decoder }, patient, zone, test, codes, waves }: Options,
  { stdin, stdout, stderr, clock = systemClock }: DecodeIo,
): Promise<void> {
  const stream = decoder({
    source: 'decode',
    zone,
    test,
    waves,
    maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
    ...(patient === undefined ? {} : { patient: { value: patient, authority: '' } }),
  });
  const printer = new Printer(stdout, stderr, zone);
  for await (const chunk of stdin) await printer.print(stream.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk, clock.now()));
  await printer.print(stream.end(clock.now()));
  if (codes) await printer.printCodes();
}

/** Writes Observations to one stream and rejected parts to the other, no faster than their readers take them. */
export class Printer {
  readonly #stdout: NodeJS.WritableStream;
  readonly #stderr: NodeJS.WritableStream;
  readonly #zone: string;
  readonly #unknown = new UnknownCodes();
  #seq = 0;
  #closed: Error | undefined;

  constructor(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream, zone: string) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#zone = zone;
    // A reader that goes away is told of by an event, which may come after the write that caused it.
    for (const stream of [stdout, stderr]) stream.once('error', (error: Error) => this.#close(error));
  }

  async print(parts: readonly Decoded[]): Promise<void> {
    for (const { records, rejected } of parts) {
      for (const record of records) {
        const code = checkRecord(record);
        if (code !== undefined) await this.#reject({ code, part: 'record', bytes: 0 });
        else {
          this.#seq += 1;
          const resources = resourcesOf(record, { ...KEY, seq: this.#seq }, { zone: this.#zone });
          await this.#write(this.#stdout, resources.map((resource) => `${JSON.stringify(resource)}\n`).join(''));
        }
      }
      for (const part of rejected) await this.#reject(part);
      this.#unknown.count(rejected);
    }
  }

  /** What a dictionary lacks. */
  async printCodes(): Promise<void> {
    for (const { code, count } of this.#unknown.counts) await this.#write(this.#stderr, `${JSON.stringify({ unknown: code, count })}\n`);
  }

  #close(error: Error): void {
    this.#closed ??= error;
  }

  #reject({ code, part, bytes }: Rejected): Promise<void> {
    const { message, advice } = ERRORS[code];
    return this.#write(this.#stderr, `${JSON.stringify({ code, part, bytes, message, advice })}\n`);
  }

  async #write(stream: NodeJS.WritableStream, text: string): Promise<void> {
    if (this.#closed) throw this.#closed;
    if (!stream.write(text)) await once(stream, 'drain');
  }
}
