import type { Duplex } from 'node:stream';
import type { Action, Principal } from '../../../hub/access/access.ts';
import type { Callers, ConcernedRow } from '../../../hub/access/callers.ts';
import type { Proof } from '../../../hub/access/credentials.ts';
import type { CallContext, Door, Ended, LatestView, PatientSummary, SubscribedBeside, VitalView } from '../../../hub/access/door.ts';
import { type Group, isIn } from '../../../hub/clinical/group.ts';
import { type Change, Feed } from '../../../hub/feed.ts';
import type { Extension } from '../../../hub/mcp/extension.ts';
import type { McpLimits } from '../../../hub/mcp/limits.ts';
import { serveMcpLines } from '../../../hub/mcp/line/line-service.ts';
import { type McpService, serveMcp } from '../../../hub/mcp/server.ts';
import type { Clock, Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Logger, silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { overlayHttp } from '../../../shared/overlay/http-client.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Caller, Overlay } from '../../../shared/overlay/overlay.ts';
import { CONNECTORS } from '../../support/mcp-clients.ts';
import { LINE_CONNECTORS } from '../../support/mcp-line-clients.ts';

export const SERVICE = 'vitals-mcp';
export const LINE_SERVICE = 'vitals-mcp-line';
export const NOW: Instant = Date.UTC(2026, 10, 21, 10);

/** Each revision of the protocol over each wire. */
export const WAYS = [
  ...Object.entries(CONNECTORS).map(([revision, connect]) => ({ revision, connect, service: SERVICE })),
  ...Object.entries(LINE_CONNECTORS).map(([revision, connect]) => ({ revision: `${revision} by line`, connect, service: LINE_SERVICE })),
];

/** A wall clock that stands until moved; durations are real, because timers are, and longer when time is let pass. */
export class MovableClock implements Clock {
  #now = NOW;
  #passedMs = 0;

  now(): Instant {
    return this.#now;
  }

  monotonicMs(): number {
    return performance.now() + this.#passedMs;
  }

  /** The wall clock is set. */
  advance(ms: number): void {
    this.#now += ms;
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.#now += ms;
    this.#passedMs += ms;
  }
}

export function principal(id: string, more: Partial<Principal> = {}): Principal {
  return { id, tenant: 'clinic', kind: 'software', role: 'monitor', patients: 'all', ...more };
}

export interface DoorCall {
  call: string;
  principal: string;
  patients: readonly string[];
  channel: string;
  delivered?: number;
}

/** A door that answers from a list and keeps a record of who called. Decides like the real one: tenant, scope, expiry. */
export class ScriptedDoor implements Door {
  readonly calls: DoorCall[] = [];
  readonly turnedAway: { principal: string; reason: string; channel: string }[] = [];
  readonly patients = new Map<string, LatestView>();
  /** Who is on which panels. */
  readonly panels = new Map<string, readonly string[]>();
  readonly #clock: Clock;
  /** Resolved one by one as calls come in. */
  readonly #waiting: { holds: (call: DoorCall) => boolean; resolve: (call: DoorCall) => void }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async listPatients(who: Principal, context: CallContext): Promise<readonly PatientSummary[]> {
    this.#note('listPatients', who, [], context);
    return [...this.patients.values()]
      .filter(({ patient }) => this.#inScope(who, patient))
      .map(({ patient, bed, vitals }) => ({ patient, bed, lastStoredAt: NOW - 4000, vitals: vitals.map(({ vital }) => vital) }));
  }

  async latest(who: Principal, patient: string, context: CallContext): Promise<LatestView> {
    this.#note('latest', who, [patient], context);
    const view = this.#inScope(who, patient) ? this.patients.get(patient) : undefined;
    if (!view) throw new VitalmeshError('NOT-FOUND');
    return view;
  }

  async openSubscription(
    who: Principal,
    patients: readonly string[],
    context: CallContext,
    { groups = [], devices = [] }: SubscribedBeside = {},
  ): Promise<void> {
    this.#note('openSubscription', who, [...patients, ...groups.map(nameOf), ...devices.map((device) => `device ${device}`)], context);
    if (devices.some((device) => this.deviceBehind(who, device) === undefined)) throw new VitalmeshError('NOT-FOUND');
    if (!groups.every((group) => this.maySeeAnyOf(who, group))) throw new VitalmeshError('NOT-FOUND');
    if (!patients.every((patient) => this.#inScope(who, patient) && this.patients.has(patient))) throw new VitalmeshError('NOT-FOUND');
  }

  async closeSubscription(who: Principal, ended: readonly Ended[], context: CallContext): Promise<void> {
    const patients = ended.flatMap(({ patient, group, device }) => patient ?? (group ? nameOf(group) : device ? `device ${device}` : []));
    const delivered = ended.reduce((sum, one) => sum + one.delivered, 0);
    this.#note('closeSubscription', who, patients, context, delivered);
  }

  groupsOf(_tenant: string, patient: string) {
    const { ward } = this.patients.get(patient) ?? {};
    return { ...(ward !== undefined && { ward }), panels: this.panels.get(patient) ?? [] };
  }

  maySeeAnyOf(who: Principal, group: Group): boolean {
    return [...this.patients.keys()].some((patient) => this.#inScope(who, patient) && isIn(group, this.groupsOf(who.tenant, patient)));
  }

  placeNotKnown(): number {
    return 0;
  }

  maySee(who: Principal, change: Change): boolean {
    return who.tenant === change.tenant && (who.patients === 'all' || who.patients.includes(change.patient));
  }

  patientBehind(_who: Principal, name: string): string {
    return name;
  }

  maskOf(): 'none' {
    return 'none';
  }

  async trend(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async alerts(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async gaps(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async observation(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async doubtful(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async health(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async fleet(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  may(_who: Principal, action: Action): boolean {
    return action !== 'status.read';
  }

  devicePatients(who: Principal, device: string): readonly string[] {
    const withIt = [...this.patients.values()].filter(({ vitals }) => vitals.some((row) => row.device === device));
    return withIt.map(({ patient }) => patient).filter((patient) => this.#inScope(who, patient));
  }

  deviceBehind(who: Principal, device: string): string | undefined {
    return this.devicePatients(who, device).length > 0 ? device : undefined;
  }

  devicesOf(_tenant: string, patient: string): readonly string[] {
    return (this.patients.get(patient)?.vitals ?? []).map(({ device }) => device);
  }

  maySeeDevice(who: Principal, change: Change, { id, name }: { id: string; name: string }): boolean {
    return this.maySee(who, change) && id === name;
  }

  async history(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async export(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async exportEvents(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  async counts(): Promise<never> {
    throw new VitalmeshError('ACCESS-DENIED');
  }

  of(call: string): DoorCall[] {
    return this.calls.filter((entry) => entry.call === call);
  }

  /** Resolves with the first call, past or to come, for which this holds. */
  until(holds: (call: DoorCall) => boolean): Promise<DoorCall> {
    const past = this.calls.find(holds);
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ holds, resolve });
      AbortSignal.timeout(PATIENCE_MS).addEventListener('abort', () => reject(new Error('the door was not called')));
    });
  }

  async requireScope(): Promise<void> {
    // Nobody here has a token.
  }

  async turnAway(rows: readonly ConcernedRow[], reason: string, context: CallContext, args?: object): Promise<void> {
    // How many more there were is the tally's own test.
    if (args && 'more' in args) return;
    for (const { principal: id } of rows) this.turnedAway.push({ principal: id, reason, channel: context.channel });
  }

  #inScope(who: Principal, patient: string): boolean {
    return who.patients === 'all' || who.patients.includes(patient);
  }

  #note(call: string, who: Principal, patients: readonly string[], { channel }: CallContext, delivered?: number): void {
    const entry: DoorCall = { call, principal: who.id, patients, channel, ...(delivered === undefined ? {} : { delivered }) };
    this.calls.push(entry);
    for (const waiter of this.#waiting) if (waiter.holds(entry)) waiter.resolve(entry);
    if (call !== 'closeSubscription' && who.notAfter !== undefined && this.#clock.now() > who.notAfter) {
      throw new VitalmeshError('ACCESS-EXPIRED');
    }
  }
}

function nameOf(group: Group): string {
  return 'ward' in group ? `ward ${group.ward}` : `panel ${group.panel}`;
}

export function vital(more: Partial<VitalView> = {}): VitalView {
  return {
    vital: 'spo2',
    name: 'Oxygen saturation',
    value: 97,
    unit: '%',
    absent: null,
    components: [],
    at: '2026-11-21T10:59:56.000+01:00',
    ageSeconds: 4,
    stale: false,
    limit: { seconds: 60, by: 'class' },
    lastKnown: null,
    flags: [],
    measurand: 'oxygen-saturation',
    preferred: true,
    preferredBecause: 'only',
    disagreement: null,
    demo: false,
    device: 'nonin-1',
    gateway: 'gw-icu',
    test: false,
    observation: 'gw-icu.0000000000000.1.0',
    receivedAt: NOW - 4000,
    storedAt: NOW - 3990,
    ...more,
  };
}

const NOTHING_BESIDE = { sources: [], demo: [], limitsVersion: null, notice: 'Not an alarm system.' } as const;

export function view(patient: string, more: Partial<LatestView> = {}): LatestView {
  return { patient, bed: 'ICU-01', asOf: '2026-11-21T11:00:00.000+01:00', vitals: [vital()], ...NOTHING_BESIDE, ...more };
}

export interface Endpoint extends AsyncDisposable {
  door: ScriptedDoor;
  feed: Feed;
  clock: MovableClock;
  metrics: Metrics;
  registry: Map<string, Principal>;
  service: McpService;
  network: MemoryNetwork;
  /** The overlay of somebody who dials. */
  as(identity: string): Overlay;
  /** Publishes a change of one patient. */
  change(patient: string, more?: Partial<Change>): void;
}

export interface EndpointOptions {
  limits?: Partial<McpLimits>;
  /** What the overlay says of callers. */
  caller?: (caller: Caller) => Caller;
  patients?: readonly string[];
  log?: Logger;
  extension?: Extension;
}

/** The endpoint with a scripted door, two callers (`ai-all`, `ai-one`, who may see `pat-0001` only) and two patients, on an overlay in memory. */
export async function startEndpoint({
  limits = {},
  caller = (c) => c,
  patients = ['pat-0001', 'pat-0002'],
  log = silentLogger,
  extension,
}: EndpointOptions = {}): Promise<Endpoint> {
  const network = createMemoryNetwork();
  const clock = new MovableClock();
  const door = new ScriptedDoor(clock);
  for (const patient of patients) door.patients.set(patient, view(patient));
  const feed = new Feed();
  const metrics = new Metrics();
  const registry = new Map([principal('ai-all'), principal('ai-one', { patients: ['pat-0001'] })].map((p) => [p.id, p]));
  const hub = network.overlay({ id: 'hub', name: 'hub' });
  const overlays: Overlay[] = [hub];
  const overlay = rebound(hub, caller);
  const wire = { overlay, log, metrics, limits: { coalesceMs: 5, groupCoalesceMs: 5, sweepMs: 5, ...limits } };
  const service = serveMcp({ ...wire, service: SERVICE, door, feed, callers: callersOf(registry), clock, ...(extension && { extension }) });
  await service.start(new AbortController().signal);
  const lines = serveMcpLines({ ...wire, service: LINE_SERVICE, endpoint: service, host: SERVICE });
  await lines.start(new AbortController().signal);
  return {
    door,
    feed,
    clock,
    metrics,
    registry,
    service,
    network,
    as: (id) => {
      const overlay = network.overlay({ id, name: id });
      overlays.push(overlay);
      return overlay;
    },
    change: (patient, more = {}) => feed.publish({ tenant: 'clinic', patient, kind: 'stored', vitals: ['spo2'], at: clock.now(), ...more }),
    [Symbol.asyncDispose]: async () => {
      await lines[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      for (const overlay of overlays) await overlay[Symbol.asyncDispose]();
    },
  };
}

/** Callers by their overlay identity alone, out of a list of principals. */
function callersOf(registry: ReadonlyMap<string, Principal>): Callers {
  const fresh = ({ overlay }: Proof): Principal => {
    if (overlay === undefined) throw new VitalmeshError('ACCESS-UNVERIFIED');
    const found = registry.get(overlay);
    if (!found) throw new VitalmeshError('ACCESS-UNKNOWN-CALLER');
    return found;
  };
  return {
    prove: async (overlay) => (overlay === undefined ? {} : { overlay }),
    fresh,
    kindOf: (overlay) => registry.get(overlay)?.kind,
    rowsConcerned: ({ overlay = 'unverified' }) => [{ tenant: 'clinic', principal: overlay, role: 'none' }],
  };
}

function rebound(overlay: Overlay, caller: (caller: Caller) => Caller): Overlay {
  return {
    dial: (service, options) => overlay.dial(service, options),
    bind: (service, listener) => overlay.bind(service, (stream, who) => listener(stream, caller(who))),
    services: () => overlay.services(),
    get state() {
      return overlay.state;
    },
    onState: (listener) => overlay.onState(listener),
    [Symbol.asyncDispose]: () => overlay[Symbol.asyncDispose](),
  };
}

/** So long a test waits for what must come, however busy the machine. */
const PATIENCE_MS = 90_000;

/** Resolves when the condition holds; for states that tell nobody when they change. */
export async function eventually(holds: () => boolean): Promise<void> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  while (!holds()) {
    late.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

/** The envelope every request of 2026-07-28 carries. */
export function modern(method: string, params: Record<string, unknown>, id: string | number = 1): Record<string, unknown> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  };
  return { jsonrpc: '2.0', id, method, params: { ...params, _meta } };
}

export function listen(uris: readonly string[], id: string | number = 1): Record<string, unknown> {
  return modern('subscriptions/listen', { notifications: { resourceSubscriptions: uris } }, id);
}

export interface RawHttp extends AsyncDisposable {
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
  request(method: string, path: string, headers?: Record<string, string>, body?: string | ReadableStream): Promise<Response>;
}

/** HTTP by hand, for what no client would send. */
export function rawHttp(overlay: Overlay): RawHttp {
  const http = overlayHttp(overlay, SERVICE);
  const request: RawHttp['request'] = (method, path, headers = {}, body) =>
    http.fetch(new URL(path, http.origin), { method, headers, ...(body === undefined ? {} : { body, duplex: 'half' }) } as RequestInit);
  return {
    request,
    post: (body, headers = {}) =>
      request(
        'POST',
        '/mcp',
        { ...POST_HEADERS, ...modernHeaders(body), ...headers },
        typeof body === 'string' ? body : JSON.stringify(body),
      ),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function modernHeaders(body: unknown): Record<string, string> {
  const { method, params } = (typeof body === 'object' ? body : {}) as { method?: string; params?: Record<string, unknown> };
  if (method === undefined || !params?._meta) return {};
  const name = params.uri ?? params.name;
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(typeof name === 'string' ? { 'mcp-name': name } : {}) };
}

/** The whole of a request as bytes, for connections that a test holds in its own hands. */
export function requestBytes(body: unknown, headers: Record<string, string> = {}): string {
  const text = JSON.stringify(body);
  const all = { host: SERVICE, 'content-length': String(Buffer.byteLength(text)), ...POST_HEADERS, ...modernHeaders(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

/** Code of our table in an answer's JSON-RPC error. */
export async function codeOf(response: Response): Promise<string | undefined> {
  const { error } = (await response.json()) as { error?: { data?: { code?: string } } };
  return error?.data?.code;
}

/** Opens a session of 2025-11-25 and gives its id. */
export async function openSession(http: RawHttp): Promise<string> {
  const response = await http.post(INITIALIZE);
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

/** Resolves with what the hub sent until it closed the connection, however it closed it. */
export async function readToEnd(connection: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  connection.on('data', (chunk: Buffer) => chunks.push(chunk));
  connection.on('error', () => undefined);
  connection.on('end', () => connection.destroy());
  await new Promise((resolve) => connection.once('close', resolve));
  return Buffer.concat(chunks).toString();
}
