import type { Instant } from '../../shared/clock.ts';
import { Delivery, type Outgoing } from './delivery.ts';
import { endpoint, type Target } from './listen.ts';
import { Wire } from './wire.ts';
import { type Hl7SimulationOptions, type SimulationResult, Writer } from './writer.ts';

const CALL_LIMIT_MS = 5000;
/** Messages that a device keeps which sends them again later; the oldest is lost for a new one. */
const MAX_KEPT = 3600;

/**
 * Simulates a device that calls the agent, until the signal aborts or `count` messages are through. Resolves with what became of them;
 * `connected` is false if nobody ever answered the call. Never rejects.
 */
export async function runCallingDevice(options: Hl7SimulationOptions & { target: Target }, signal: AbortSignal): Promise<SimulationResult> {
  const { simulator, target, tell, fault } = options;
  const persistence = { ...simulator.persistence, ...options.persistence };
  const writer = new Writer(options);
  const { counts } = writer;
  const kept: { message: Outgoing; due: Instant }[] = [];
  const inOrder = persistence.afterwards !== 'lost' && persistence.afterwards.inOrder === true;
  let wire: Wire | undefined;
  let connected = false;
  const lost = (message: Outgoing, why: string): void => {
    counts.lost += 1;
    tell({ event: 'lost', id: message.id, why });
  };
  const open = async (): Promise<Wire | undefined> => {
    if (wire && !wire.closed) return wire;
    if (wire) tell({ event: 'disconnected', peer: endpoint(target) });
    wire = await Wire.call(target, CALL_LIMIT_MS, signal);
    if (wire) tell({ event: 'connected', peer: endpoint(target) });
    connected ||= wire !== undefined;
    return wire;
  };
  const trim = (): void => {
    for (const { message } of kept.splice(0, Math.max(0, kept.length - MAX_KEPT))) lost(message, 'more than is kept');
  };
  const missed = (message: Outgoing, why: string): void => {
    if (persistence.afterwards === 'lost') {
      lost(message, why);
      return;
    }
    const entry = { message, due: Date.now() + persistence.afterwards.laterMs };
    if (inOrder) kept.unshift(entry);
    else kept.push(entry);
    tell({ event: 'kept', id: message.id, why });
    trim();
  };
  const delivery = new Delivery({ persistence, fault, counts, tell, open, reopens: true, missed, signal });
  tell({ event: 'ready', profile: simulator.profile, endpoint: endpoint(target) });
  await writer.run(signal, async (messages) => {
    const due = inOrder && (kept[0]?.due ?? 0) > Date.now() ? [] : kept.filter((entry) => entry.due <= Date.now());
    for (const entry of due) {
      kept.splice(kept.indexOf(entry), 1);
      await delivery.deliver([entry.message]);
      if (inOrder && kept[0]?.message === entry.message) break;
    }
    for (const batch of messages) {
      // What waits behind a message that was not taken becomes due with it.
      if (inOrder && kept.length > 0) {
        for (const message of batch) kept.push({ message, due: 0 });
        trim();
      } else await delivery.deliver(batch);
    }
    if (fault?.mute) await wire?.gone(signal);
    return !fault?.mute;
  });
  for (const { message } of kept) lost(message, 'stopped');
  await wire?.end();
  return { ...counts, connected };
}
