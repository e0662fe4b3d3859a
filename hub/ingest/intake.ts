import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { VitalmeshError } from '../../shared/errors.ts';
import type { UplinkHello } from '../../shared/uplink/protocol.ts';
import { within } from '../../shared/uplink/within.ts';
import { GATEWAY_LIMITS } from '../registry/gateway-limits.ts';
import type { GatewayEntry } from '../registry/registry.ts';
import { parseBody, readBody } from './body.ts';
import type { Paces } from './paces.ts';
import { Turns } from './turns.ts';

export interface IntakeLimits {
  /** Batches of one gateway that are in memory at a time; the others wait in their HTTP/2 window. */
  batchesAtOnce: number;
  /** Bytes of unpacked JSON in memory at a time, of all gateways; one gateway has a quarter of it at most. */
  jsonBytes: number;
  bodyMs: number;
}

export interface IntakeOptions {
  limits: IntakeLimits;
  /** Of one batch. */
  batch: () => UplinkHello['limits'];
  paces: Paces;
}

/** A request that holds a batch, over whatever version of HTTP. */
export interface BatchRequest {
  headers: IncomingHttpHeaders;
  body: Readable;
  /** Resolves when what is to be stored before this one is. */
  turn?: Promise<void>;
  /** Whether nobody waits for the answer any more. */
  isGone(): boolean;
}

/** Requests of one gateway that wait for their turn: several times what an agent sends at once. */
const MOST_WAITING = 256;

/** What one gateway may have of the memory. */
const SHARE = 4;

/**
 * Takes the bodies of batches in, of all gateways: each at its rate, so many at a time of one, so much JSON in memory of all, in turn. What waits
 * is not read, so that it stays in its caller's window. A gateway that floods the hub waits for itself.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #bodies: Turns;
  readonly #memory: Turns;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { batchesAtOnce, jsonBytes } = options.limits;
    this.#bodies = new Turns({ limit: Number.POSITIVE_INFINITY, each: batchesAtOnce, waiting: MOST_WAITING });
    this.#memory = new Turns({ limit: jsonBytes, each: Math.ceil(jsonBytes / SHARE) });
  }

  /**
   * What `use` makes of the parsed JSON of the body, which stays counted until then. Rejects with INGEST-BUSY (`Busy`), UPLINK-REQUEST, UPLINK-BUNDLE,
   * UPLINK-TOO-LARGE, UPLINK-SILENT, and as `use` does.
   */
  async take<T>({ identity, limits }: GatewayEntry, request: BatchRequest, use: (bundle: unknown) => Promise<T>): Promise<T> {
    const { limits: own, batch, paces } = this.#options;
    const { batchBytes, batchEntries } = batch();
    const { headers, body: stream } = request;
    const rates = { ...GATEWAY_LIMITS, ...limits };
    using _body = await this.#bodies.take(identity);
    await paces.admit(identity, rates);
    if (Number(headers['content-length'] ?? 0) > batchBytes) throw new VitalmeshError('UPLINK-TOO-LARGE');
    const late = (): VitalmeshError => new VitalmeshError('UPLINK-SILENT', { detail: 'the body did not come in time' });
    const body = await within(readBody(stream, batchBytes), own.bodyMs, late);
    // Before there is a claim on memory: who waits for another one must not keep that one from it.
    await request.turn;
    // Taken for what a packed body may become, and only once all of it is here: a slow caller must not hold the others up.
    using room = await this.#memory.take(identity, batchBytes);
    // Nobody waits for the answer, and it is sent again; storing it would only make those wait who do.
    if (request.isGone()) throw new VitalmeshError('UPLINK-BUNDLE', { detail: 'taken back' });
    // What is no batch costs as much to find out.
    const cost = { entries: 1, bytes: body.length };
    let bundle: unknown;
    try {
      bundle = await parseBody(body, headers['content-encoding'], batchBytes, (bytes) => {
        cost.bytes = bytes;
        room.lighten(bytes);
      });
      const { entry } = (bundle ?? {}) as { entry?: unknown };
      if (Array.isArray(entry)) cost.entries = Math.max(1, entry.length);
    } finally {
      paces.spend(identity, rates, cost.entries, cost.bytes);
    }
    if (cost.entries > batchEntries) throw new VitalmeshError('UPLINK-TOO-LARGE', { detail: `${cost.entries} entries` });
    return await use(bundle);
  }
}
