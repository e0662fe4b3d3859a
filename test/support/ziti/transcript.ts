import { readFileSync } from 'node:fs';
import sodium, { type StateAddress } from 'libsodium-wrappers';
import { type Frame, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../shared/overlay/ziti/wire/reader.ts';

await sodium.ready;

/** One frame of a recorded channel. */
export interface RecordedFrame {
  from: 'client' | 'router';
  frame: Frame;
  /** Body of a Data frame in clear; empty for a stream header. Of other frames the body as it is. */
  plain: Buffer;
  isStreamHeader: boolean;
}

/** What went over one channel, in order, until the recording or the router ended it. */
export interface Recording {
  /** What the recording says of the channel, to tell it from others of its file. */
  label: string;
  frames: RecordedFrame[];
  /** The router closed the TCP connection at the end. */
  closedByRouter: boolean;
}

interface Line {
  conn: number;
  event?: string;
  label?: string;
  dir?: 'c2r' | 'r2c';
  hex?: string;
  connId?: number;
  rxKey?: string;
  txKey?: string;
}

const LIMITS = { headersBytes: 1 << 20, bodyBytes: 1 << 25 };

/** All channels of a transcript (`../shared/data/overlay-transcripts`, its README says what a line holds), decrypted where its keys are there. */
export function recordings(path: string): Recording[] {
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return [...Map.groupBy(lines, ({ conn }) => conn).values()].map((channel) => {
    const decrypt = decrypter(channel);
    return {
      label: channel.find(({ event }) => event === 'open')?.label ?? '',
      frames: channel.flatMap(({ dir, hex }) => (dir && hex ? [decrypt(dir === 'c2r' ? 'client' : 'router', parse(hex))] : [])),
      closedByRouter: channel.some(({ event }) => event === 'eof'),
    };
  });
}

/** The one channel of a transcript, or the one with this label. */
export function recording(path: string, label?: string): Recording {
  const [found, ...more] = recordings(path).filter((channel) => label === undefined || channel.label === label);
  if (!found || more.length > 0) throw new Error(`${path} has not one channel ${label ?? ''}`);
  return found;
}

/** What the two ends of a connection said to each other, as their applications saw it. */
export function conversation({ frames }: Recording, connId: number): { from: 'client' | 'router'; bytes: Buffer; ends: boolean }[] {
  return frames
    .filter(({ frame, isStreamHeader }) => frame.type === CONTENT.data && u32(frame.headers, HEADER.connId) === connId && !isStreamHeader)
    .map(({ from, plain, frame }) => ({ from, bytes: plain, ends: isFin(frame) }));
}

export function isFin({ headers }: Frame): boolean {
  return ((u32(headers, HEADER.flags) ?? 0) & 1) !== 0;
}

/** Long frames were cut when they were recorded; they all held one byte over and over. */
function parse(hex: string): Frame {
  const bytes = Buffer.from(hex, 'hex');
  const length = 20 + bytes.readUInt32LE(12) + bytes.readUInt32LE(16);
  const [frame] = new FrameReader(LIMITS).push(Buffer.concat([bytes, Buffer.alloc(length - bytes.length, bytes.at(-1))]));
  if (!frame) throw new Error('a recorded frame is not whole');
  return frame;
}

type Decrypt = (from: RecordedFrame['from'], frame: Frame) => RecordedFrame;

function decrypter(channel: Line[]): Decrypt {
  const keys = new Map<string, Uint8Array>();
  for (const { event, connId, rxKey, txKey } of channel) {
    if (event !== 'crypto' || rxKey === undefined || txKey === undefined) continue;
    keys.set(`client ${connId}`, Buffer.from(txKey, 'hex'));
    keys.set(`router ${connId}`, Buffer.from(rxKey, 'hex'));
  }
  const streams = new Map<string, StateAddress>();
  return (from, frame) => {
    const direction = `${from} ${u32(frame.headers, HEADER.connId)}`;
    const key = keys.get(direction);
    const stream = streams.get(direction);
    const recorded = { from, frame, plain: frame.body, isStreamHeader: false };
    if (frame.type !== CONTENT.data || !key || frame.body.length === 0) return recorded;
    if (!stream) {
      streams.set(direction, sodium.crypto_secretstream_xchacha20poly1305_init_pull(frame.body, key));
      return { ...recorded, plain: Buffer.alloc(0), isStreamHeader: true };
    }
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(stream, frame.body, null);
    if (!opened) throw new Error('a recorded message cannot be decrypted');
    return { ...recorded, plain: Buffer.from(opened.message) };
  };
}
