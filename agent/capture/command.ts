import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { type CommandIo, type CommandValues, EXIT, required } from '../../shared/command-line.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { Printer } from '../decode.ts';
import { profileOrFile } from '../profiles.ts';
import { type CaptureEnding, CaptureWriter, readCapture } from './format.ts';
import { CAPTURE_LIMITS, DEFAULT_CAPTURE_SECONDS } from './operator.ts';
import { decodeCapture, sendCapture } from './replay.ts';

const WITH_IDENTIFIERS =
  'WARNING: the capture holds names and numbers of patients as they came. Keep it as you keep a chart, and send it to nobody.\n';
/** Of the largest capture, in base64, with room for what stands around each read. */
const MAX_FILE_BYTES = 3 * CAPTURE_LIMITS.bytes;

/** `vitalmesh-agent capture`: asks the running agent for the bytes of a source and writes them to a new file of mode 0600. */
export async function runCapture(values: CommandValues, socket: string, io: CommandIo): Promise<number> {
  const out = required(values, 'out');
  const source = required(values, 'source');
  const seconds = values.seconds === undefined ? DEFAULT_CAPTURE_SECONDS : Number(values.seconds);
  const withIdentifiers = values['with-identifiers'] === true;
  if (withIdentifiers) io.stderr.write(WITH_IDENTIFIERS);
  const fd = create(out);
  const stop = Promise.withResolvers<undefined>();
  const interrupt = (): void => stop.resolve(undefined);
  process.once('SIGINT', interrupt);
  try {
    const rows = callOperator(socket, 'capture', { source, seconds, withIdentifiers });
    const { ending, bytes } = await write(fd, rows, stop.promise);
    io.stdout.write(`${bytes} bytes of ${source} are in ${out}${WHY[ending]}\n`);
    return EXIT.ok;
  } catch (error) {
    // Half a capture could be taken for a whole one by somebody who only sees the file.
    rmSync(out, { force: true });
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    closeSync(fd);
  }
}

const WHY: Readonly<Record<CaptureEnding, string>> = {
  time: '',
  size: '; it ended early, at the largest size of a capture',
  slow: '; it ended early, because it could not be written as fast as the source sends',
  stopped: '; it was stopped',
};

function create(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    throw new VitalmeshError('CAPTURE-FILE', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unwritable'})`, cause });
  }
}

async function write(
  fd: number,
  rows: AsyncGenerator<unknown>,
  stopped: Promise<undefined>,
): Promise<{ ending: CaptureEnding; bytes: number }> {
  const writer = new CaptureWriter();
  for (;;) {
    const next = await Promise.race([rows.next(), stopped]);
    const row = next?.value as { end?: CaptureEnding } | undefined;
    if (!next || next.done || row?.end !== undefined) {
      const ending = row?.end ?? 'stopped';
      save(fd, writer.end(ending));
      return { ending, bytes: writer.bytes };
    }
    save(fd, writer.line(row));
  }
}

function save(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch (cause) {
    throw new VitalmeshError('CAPTURE-FILE', { detail: (cause as NodeJS.ErrnoException).code ?? 'unwritable', cause });
  }
}

/** `vitalmesh-agent replay`: prints what a capture amounts to, or sends it to a listener; as test data in either case. */
export async function runReplay(values: CommandValues, io: CommandIo): Promise<number> {
  const capture = readCapture(load(required(values, 'FILE', 'FILE')));
  const name = typeof values.profile === 'string' ? values.profile : capture.header.profile;
  const profile = profileOrFile(name);
  if (typeof values.to === 'string') {
    if (profile.kind !== 'hl7') throw new VitalmeshError('CAPTURE-SOURCE', { detail: `${name} is not sent over MLLP` });
    const report = await sendCapture(capture, addressOf(values.to));
    io.stdout.write(`${JSON.stringify(report)}\n`);
    return report.refused === 0 ? EXIT.ok : EXIT.failed;
  }
  const printer = new Printer(io.stdout, io.stderr, capture.header.zone);
  for (const parts of decodeCapture(capture, profile)) await printer.print(parts);
  return EXIT.ok;
}

function load(path: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new VitalmeshError('CAPTURE-DAMAGED', { detail: 'it is too large' });
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('CAPTURE-FILE', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}

function addressOf(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) throw new VitalmeshError('USAGE', { detail: '--to is HOST:PORT' });
  return { host, port: Number(port) };
}
