import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { VitalmeshError } from '../../shared/errors.ts';
import { deeperThan } from '../../shared/json-depth.ts';

/** Bodies up to this size are unpacked at once: quicker than a way to the thread pool and back, and no longer than a millisecond. */
const AT_ONCE_BYTES = 16 * 1024;

/** A frame may ask for up to 2 GiB of window; 8 MiB is what the strongest ordinary compression level uses (RFC 8878 §3.1.1.1.2). */
const WINDOW_LOG = 23;

const unzstd = promisify(zstdDecompress);
const ungzip: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer> = promisify(gunzip);

type Unpacking = (body: Buffer, maxOutputLength: number) => Buffer | Promise<Buffer>;

/** The codings of a body beside `identity`. Throws, or rejects, as zlib does. */
const UNPACKING: ReadonlyMap<string, Unpacking> = new Map<string, Unpacking>([
  [
    'zstd',
    (body, maxOutputLength) => {
      const options = { maxOutputLength, params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } };
      return body.length <= AT_ONCE_BYTES ? zstdDecompressSync(body, options) : unzstd(body, options);
    },
  ],
  ['gzip', (body, maxOutputLength) => (body.length <= AT_ONCE_BYTES ? gunzipSync : ungzip)(body, { maxOutputLength })],
]);

/** A Bundle of Observations has about ten levels. */
const MAX_DEPTH = 32;

/**
 * The whole body. Rejects with UPLINK-TOO-LARGE above `maxBytes`, UPLINK-REQUEST when the connection breaks. A body that its caller
 * takes back half-way ends here like a whole one; as half a JSON object or zstd frame it is no batch.
 */
export async function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // `iterator` with destroyOnReturn off: the answer that says why still has to go out on this stream.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new VitalmeshError('UPLINK-TOO-LARGE', { detail: `more than ${maxBytes} bytes` });
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('UPLINK-REQUEST', { cause, detail: 'the body was cut off' });
  }
  return Buffer.concat(chunks, bytes);
}

/**
 * The body as JSON; `unpacked` is told how many bytes of JSON it holds, before they are parsed. Throws UPLINK-REQUEST for an unknown
 * coding, UPLINK-TOO-LARGE when it unpacks to more than `maxBytes`, UPLINK-BUNDLE otherwise.
 */
export async function parseBody(
  body: Buffer,
  coding: string | undefined,
  maxBytes: number,
  unpacked: (bytes: number) => void = () => undefined,
): Promise<unknown> {
  const bytes = await decode(body, coding ?? 'identity', maxBytes);
  unpacked(bytes.length);
  if (!isUtf8(bytes)) throw new VitalmeshError('UPLINK-BUNDLE', { detail: 'not UTF-8' });
  const text = bytes.toString('utf8');
  if (deeperThan(text, MAX_DEPTH)) throw new VitalmeshError('UPLINK-BUNDLE', { detail: `nested deeper than ${MAX_DEPTH}` });
  try {
    return JSON.parse(text);
  } catch {
    // The cause would quote the body.
    throw new VitalmeshError('UPLINK-BUNDLE', { detail: 'not JSON' });
  }
}

async function decode(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  if (coding === 'identity') return body;
  const unpacking = UNPACKING.get(coding);
  if (unpacking === undefined) throw new VitalmeshError('UPLINK-REQUEST', { detail: 'content-encoding is not zstd, gzip or identity' });
  try {
    return await unpacking(body, maxBytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new VitalmeshError('UPLINK-TOO-LARGE', { detail: `unpacks to more than ${maxBytes} bytes` });
    }
    throw new VitalmeshError('UPLINK-BUNDLE', { cause, detail: `not ${coding}` });
  }
}
