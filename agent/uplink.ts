import { randomBytes } from 'node:crypto';
import { VitalmeshError } from '../shared/errors.ts';
import type { Identity } from '../shared/identity/identity.ts';
import type { Overlay } from '../shared/overlay/overlay.ts';
import { isAgentId } from '../shared/uplink/key.ts';
import { UPLINK_TIMES } from '../shared/uplink/protocol.ts';
import type { Uplink } from './uplink/contract.ts';
import { Courier, type CourierOptions } from './uplink/courier.ts';
import { type LinkTimes, openLink } from './uplink/link.ts';
import type { WitnessFile } from './witness/witness-file.ts';

export interface UplinkOptions extends Omit<CourierOptions, 'agent' | 'connect' | 'onNetwork' | 'drainMs'> {
  overlay: Overlay;
  /** The service to dial: `vitals-ingest`, or `vitals-ingest.<site>`. */
  service: string;
  identity: Identity;
  /**
   * The overlay identity ids that the hub may have. `any` trusts every identity of the network's CA, that of any other gateway
   * included, and is for trials only; it has to be said.
   */
  hubIdentity: readonly string[] | 'any';
  /** Random per process; for tests alone. */
  instance?: string;
  times?: Partial<LinkTimes & { drainMs: number }>;
  /** Keeps what the hub tells of its evidence. */
  witness?: Pick<WitnessFile, 'keep'>;
}

/**
 * Carries the outbox to the hub (uplink 1, architecture §4): dials, proves both ends to each other, sends what is pending, and
 * completes exactly the rows that the hub holds. Whatever happens in between is tried again; nothing leaves the outbox without the
 * hub's word for it. Throws CONFIG-INVALID for an identity id that cannot be part of a FHIR id, and for no hub identity.
 */
export function createUplink(options: UplinkOptions): Uplink {
  if (!isAgentId(options.identity.id)) {
    throw new VitalmeshError('CONFIG-INVALID', { detail: 'the identity id must be 1 to 36 letters, digits, dots and hyphens' });
  }
  if (options.hubIdentity.length === 0) throw new VitalmeshError('CONFIG-INVALID', { detail: 'no hub identity is given' });
  const { overlay, service, identity, hubIdentity, instance = randomBytes(8).toString('hex'), times: given, witness, ...carried } = options;
  const { outbox, clock } = carried;
  const { setupMs, batchMs, pingEveryMs, awaitingPingEveryMs, pingLimitMs, drainMs } = UPLINK_TIMES;
  const times = { setupMs, answerMs: batchMs, pingEveryMs, awaitingPingEveryMs, pingLimitMs, drainMs, ...given };
  const to = { overlay, service, identity, hubIdentity };
  const onCheckpoint = witness && ((header: string, storeId: string): void => witness.keep(header, storeId));
  return new Courier({
    ...carried,
    service,
    agent: identity.id,
    drainMs: times.drainMs,
    connect: (signal) => openLink({ ...to, instance, epoch: () => outbox.epoch, times, clock, onCheckpoint }, signal),
    onNetwork: (listener) => overlay.onState((state) => state === 'ready' && listener()),
  });
}
