import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FabricApiSession, FabricService } from '../../../../provisioning/fabric/contract.ts';
import { ControlLine } from '../../../../provisioning/fabric/control-line.ts';
import { ROUTER_LIMITS, type RouterLimits } from '../../../../provisioning/fabric/router/limits.ts';
import { createTerminators, type Router, startRouter } from '../../../../provisioning/fabric/router/router.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { testNetwork } from '../../../support/identities.ts';
import { frameBytes, RawClient, type RawFrame, takeFrames } from '../../../support/ziti/raw-client.ts';
import { FakeGrants } from './stage.ts';

// Plays what SDKs were recorded to send to a real router at ours, byte for byte, and keeps what ours answers beside what the real one did.

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'data', 'overlay-transcripts');
/** The recorded router's, so that hello and texts can be compared. */
const ROUTER_ID = 'GrQSyMojo';
/** The one service of the recordings that demands no encryption. */
const PLAIN_SERVICE = '4Oy48AocUoZrIZnDK66BDi';
/** Names of the recorded identities, as header 1035 shows them. */
const NAMES: Record<string, string> = {
  'hc..xMvev': 'gw1',
  'uo7.x.ojo': 'nobody1',
  '69NMrMojv': 'pygw',
  s2mVrMvjv: 'jgw2',
};

export interface RecordedLine {
  t: number;
  /** File and connection. */
  channel: string;
  event?: string;
  err?: string;
  dir?: 'c2r' | 'r2c';
  bytes: Buffer;
}

interface Claims {
  sub?: string;
  jti?: string;
  z_asid?: string;
  z_iid?: string;
  z_st?: string;
  z_leg?: boolean;
}

/** The lines of transcripts, of all their connections or those named, in the order of time. */
export function recordedLines(...files: readonly (readonly [file: string, ...connections: number[]])[]): RecordedLine[] {
  const lines = files.flatMap(([file, ...connections]) =>
    readFileSync(join(FOLDER, `${file}.jsonl`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ conn }) => connections.length === 0 || connections.includes(conn))
      .map(({ conn, hex = '', ...line }): RecordedLine => ({ ...line, channel: `${file} ${conn}`, bytes: Buffer.from(hex, 'hex') })),
  );
  return files.length === 1 ? lines : lines.sort((a, b) => a.t - b.t);
}

/**
 * Adds a dialer to a recording of a host alone: it sends whatever makes a router send the host what the host was recorded to get.
 */
export function withDialer(lines: readonly RecordedLine[]): RecordedLine[] {
  const channel = 'dialer';
  let sequence = 0;
  const sent = (t: number, type: number, headers: Record<number, number | Buffer>, body: Buffer): RecordedLine => {
    sequence += 1;
    return { t, channel, dir: 'c2r', bytes: frameBytes(type, sequence, headers, body) };
  };
  const pick = (frame: RawFrame, ids: readonly number[]): Record<number, Buffer> =>
    Object.fromEntries(ids.flatMap((id) => (frame.headers.has(id) ? [[id, frame.headers.get(id) ?? Buffer.alloc(0)]] : [])));
  return lines.flatMap((line) => {
    const [frame] = line.dir === 'r2c' ? takeFrames(line.bytes).frames : [];
    if (frame?.type === 60787) {
      const claims = { sub: claimsOf(frame.body)?.sub, z_iid: String(frame.headers.get(1034)), z_st: 'Dial', z_asid: 'dialer' };
      const token = Buffer.from(`.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`);
      const hello = frameBytes(0, -1, { 1002: 'dialer' });
      return [
        { t: line.t, channel, event: 'open', bytes: Buffer.alloc(0) },
        { t: line.t, channel, dir: 'c2r' as const, bytes: hello },
        sent(line.t, 60783, { 1000: 1, ...pick(frame, [1003, 1008, 1025]) }, token),
        line,
      ];
    }
    if (frame?.type === 60786) return [sent(line.t, 60786, { 1000: 1, ...pick(frame, [1010]) }, frame.body), line];
    if (frame?.type === 60785) return [sent(line.t, 60785, { 1000: 1 }, Buffer.alloc(0)), line];
    return [line];
  });
}

/** Adds the end of a connection that was not recorded, where the next one begins. */
export function endedBefore(lines: readonly RecordedLine[], channel: string, next: string): RecordedLine[] {
  return lines.flatMap((line) =>
    line.event === 'open' && line.channel === next ? [{ t: line.t, channel, event: 'close', bytes: Buffer.alloc(0) }, line] : [line],
  );
}

/** Adds what became of the controller at moments of the recording, in seconds of its clock. */
export function withController(lines: readonly RecordedLine[], lostAt: number, startedAt: number): RecordedLine[] {
  const event = (name: string, t: number): RecordedLine => ({ t, channel: '', event: name, bytes: Buffer.alloc(0) });
  return [...lines, event(CONTROLLER.lost, lostAt), event(CONTROLLER.started, startedAt)].sort((a, b) => a.t - b.t);
}

const CONTROLLER = { lost: 'controller lost', started: 'controller started' } as const;

/** What our router answered on one connection, and what the real one did; both without what is random or our own. */
export interface Played {
  channel: string;
  ours: unknown[];
  real: unknown[];
}

export interface ReplayOptions {
  limits?: Partial<RouterLimits>;
  /** Whose certificate a connection shows, where it is not that of its token's identity. */
  identities?: Record<string, string>;
  /** Called before an answer of the router is waited for; makes the change that was made when it was recorded. */
  before?: (expected: RawFrame, grants: RecordedGrants) => void;
  /** A content type that comes at times of the router's own choice: neither waited for nor shown. */
  unasked?: number;
}

export async function replay(
  lines: readonly RecordedLine[],
  { limits = {}, identities = {}, before, unasked }: ReplayOptions = {},
): Promise<Played[]> {
  const network = await testNetwork();
  const grants = new RecordedGrants(lines);
  const terminators = createTerminators();
  await using running = new AsyncDisposableStack();
  const routers = new Map<string, { control: ControlLine; router: Router }>();
  for (const [, id] of [['', ROUTER_ID], ...recordedRouters(lines)] as const) {
    if (routers.has(id)) continue;
    const { certPem: serverCert, keyPem: serverKey } = await network.identity(id);
    const control = running.use(new ControlLine({ ...ROUTER_LIMITS, ...limits }));
    const place = { id, name: 'recorded', host: '127.0.0.1', port: 0, serverCert, serverKey, caPem: network.caPem };
    const router = running.use(await startRouter({ ...place, grants, terminators, control, log: silentLogger, limits }));
    routers.set(id, { control, router });
  }
  const routerOf = recordedRouters(lines);
  const channels = new Map<string, { client: RawClient; real: RawFrame[] }>();
  for (const line of lines) {
    if (line.event === CONTROLLER.lost) for (const { control } of routers.values()) control.lost();
    if (line.event === CONTROLLER.started) {
      terminators.forgetCircuits();
      for (const { control } of routers.values()) control.restored();
    }
    if (line.channel === '') continue;
    if (line.event === 'open' && !channels.has(line.channel)) {
      const identity = await network.identity(identities[line.channel] ?? grants.identityOf(line.channel));
      const { url = '' } = routers.get(routerOf.get(line.channel) ?? ROUTER_ID)?.router ?? {};
      const client = await RawClient.connect({ port: Number(new URL(url).port), identity, ca: network.caPem });
      running.use(client);
      channels.set(line.channel, { client, real: [] });
    }
    const channel = channels.get(line.channel);
    assert.ok(channel);
    if (line.dir === 'c2r') channel.client.write(unasked === undefined ? line.bytes : answering(line.bytes, channel));
    else if (line.dir === 'r2c') {
      const [expected] = takeFrames(line.bytes).frames;
      assert.ok(expected, 'a recorded frame was cut');
      if (expected.type === unasked) continue;
      before?.(expected, grants);
      channel.real.push(expected);
      await arrived(channel.client, channel.real.length, unasked);
    } else if (line.event === 'eof') await channel.client.closed;
    else if (line.event === 'close' || line.event === 'readerr') channel.client.socket.end();
  }
  return [...channels].map(([channel, { client, real }]) => ({
    channel,
    ours: client.received.filter(({ type }) => type !== unasked).map(comparable),
    real: real.map(comparable),
  }));
}

/** The answer to a Dial, for the one of ours that stands for the recorded one: frames that come unasked have moved the count. */
function answering(bytes: Buffer, { client, real }: { client: RawClient; real: RawFrame[] }): Buffer {
  const [frame] = takeFrames(bytes).frames;
  const dials = (frames: readonly RawFrame[]): RawFrame[] => frames.filter(({ type }) => type === 60787);
  const nth = dials(real).findIndex(({ sequence }) => sequence === frame?.headers.get(1)?.readInt32LE());
  const own = dials(client.received)[nth];
  if (!frame || !own) return bytes;
  const headers = Object.fromEntries([...frame.headers, [1, own.sequence]]);
  return frameBytes(frame.type, frame.sequence, headers, frame.body);
}

/** Waits for so many frames besides those that come unasked. */
async function arrived(client: RawClient, frames: number, unasked: number | undefined): Promise<void> {
  const others = (): number => client.received.filter(({ type }) => type === unasked).length;
  for (let more = -1; more !== others(); ) {
    more = others();
    await client.count(frames + more);
  }
}

/** Which router each connection was to, by what it said of itself. */
function recordedRouters(lines: readonly RecordedLine[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { channel, dir, bytes } of lines) {
    if (dir !== 'r2c' || found.has(channel)) continue;
    const id = takeFrames(bytes).frames[0]?.headers.get(8);
    if (id) found.set(channel, String(id));
  }
  return found;
}

/** Grants what the network of the recording granted: tokens are read, not verified. */
export class RecordedGrants extends FakeGrants {
  readonly #identities = new Map<string, string>();

  constructor(lines: readonly RecordedLine[]) {
    super();
    for (const [channel, own] of Map.groupBy(lines, (line) => line.channel)) this.#learn(channel, own);
  }

  identityOf(channel: string): string {
    return this.#identities.get(channel) ?? 'unknown';
  }

  override openSession(token: string, apiSessionId: string, type: 'Dial' | 'Bind') {
    const {
      sub = '',
      jti = token,
      z_asid: owner = '',
      z_st: kind,
      z_iid: identityId = '',
      z_leg: legacy,
    } = claimsOf(Buffer.from(token)) ?? {};
    if (!this.services.has(sub)) {
      const faults = {
        Dial: 'unable to get service token either by JWT parsing or id lookup',
        Bind: 'token is malformed: token contains an invalid number of segments',
      };
      return { refusal: faults[type] };
    }
    if (owner !== apiSessionId) {
      const text = `api session id (${apiSessionId}) does not match service session api session id (${owner})`;
      return { refusal: type === 'Dial' ? `failed to create service token from JWT: ${text}` : text };
    }
    if (kind !== type) return { refusal: `rejecting bind, invalid session type. expected ${type}, got ${kind}` };
    // Sessions of the legacy kind end with their policy.
    if (legacy && !this.allows(identityId, sub, type)) return { refusal: 'invalid session', unsolicited: 'session closed' };
    return { service: this.services.get(sub) as FabricService, sessionId: jti };
  }

  #learn(channel: string, lines: readonly RecordedLine[]): void {
    const frames = lines.filter(({ dir }) => dir === 'c2r').flatMap(({ bytes }) => takeFrames(bytes).frames);
    const serviceClaims = frames.flatMap(({ type, body }) => ([60783, 60790].includes(type) ? [claimsOf(body)] : []));
    const [claims] = serviceClaims.filter((found) => found !== undefined);
    for (const { sub } of serviceClaims.filter((found) => found !== undefined))
      if (sub) this.addService(sub, { encryptionRequired: sub !== PLAIN_SERVICE });
    for (const { type, headers, body } of frames) {
      const token = type === 0 ? headers.get(1002) : type === 60803 ? body : undefined;
      if (!token) continue;
      const own = claimsOf(token);
      const identityId = own?.sub ?? claims?.z_iid;
      const id = own?.z_asid ?? claims?.z_asid;
      if (!identityId || !id) continue;
      this.#identities.set(channel, identityId);
      this.addSession(String(token), identityId, { id, identityName: NAMES[identityId] ?? identityId } satisfies Partial<FabricApiSession>);
    }
  }
}

/** The claims of a token, when it is one. */
function claimsOf(token: Buffer): Claims | undefined {
  try {
    return JSON.parse(Buffer.from(token.toString('latin1').split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** A frame without what is random (connection, circuit and terminator ids), leaked by chance (header 6), or our own (version). */
function comparable({ type, sequence, headers, body }: RawFrame): unknown {
  const shown = [...headers]
    .filter(([id]) => id !== 6)
    .map(([id, value]) => {
      if (id === 0 && type === 2) return [id, value.length];
      if (id === 4) return [id, String(value).split('|').length];
      if (id === 1026) return [id, value.length > 15];
      return [id, id >= 1030 ? String(value) : value.toString('hex')];
    })
    .sort(([a], [b]) => Number(a) - Number(b));
  const text = type === 60785 ? String(body).replace(/\[[cs]\/\w+\]|terminator address \w+/g, '(id)') : body.toString('base64');
  return { type, sequence, headers: Object.fromEntries(shown), body: text };
}
