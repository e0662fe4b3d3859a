import { pause } from '../../shared/lifecycle.ts';
import { Delivery, type Outgoing } from './delivery.ts';
import { listen, type Target } from './listen.ts';
import { Wire } from './wire.ts';
import { type Hl7SimulationOptions, type SimulationResult, Writer } from './writer.ts';

/** Messages that wait for one caller; one that is further behind is cut. */
const MAX_BEHIND = 600;
/** How long a device that is done waits for whom it still owes something. */
const RECALL_LIMIT_MS = 10_000;

/**
 * Simulates a device that listens until it is called, and tells each caller the same. Throws SOURCE-OPEN when it cannot listen there.
 */
export async function runListeningDevice(options: Hl7SimulationOptions & { at: Target }, signal: AbortSignal): Promise<SimulationResult> {
  const { simulator, at, tell, fault } = options;
  const persistence = { ...simulator.persistence, ...options.persistence };
  const writer = new Writer(options);
  const { counts } = writer;
  const callers = new Set<Caller>();
  /** What was cut off, and goes to whoever calls next. */
  const owed: Outgoing[] = [];
  let called = new AbortController();
  let connected = false;
  const lost = ({ id }: Outgoing, why: string): void => {
    counts.lost += 1;
    tell({ event: 'lost', id, why });
  };
  const missed = (message: Outgoing, why: string): void => {
    if (fault?.cuts && message.attempts <= 1) {
      const [next] = [...callers].filter(({ wire }) => !wire.closed);
      if (next) next.take([message]);
      else owed.push(message);
      return;
    }
    lost(message, why);
  };
  const listener = await listen(at, (socket) => {
    const wire = new Wire(socket);
    const { peer } = wire;
    connected = true;
    tell({ event: 'connected', peer });
    const open = async (): Promise<Wire | undefined> => (wire.closed ? undefined : wire);
    const caller = new Caller(wire, new Delivery({ persistence, fault, counts, tell, open, reopens: false, missed, signal }));
    callers.add(caller);
    called.abort();
    caller.take([...writer.greeting(Date.now()), ...owed.splice(0)]);
    socket.once('close', () => {
      callers.delete(caller);
      tell({ event: 'disconnected', peer });
    });
  });
  tell({ event: 'ready', profile: simulator.profile, endpoint: listener.endpoint });
  await writer.run(
    signal,
    async (messages) => {
      // Each caller has copies of its own: how often one was sent is a matter of that caller.
      for (const caller of callers) for (const batch of messages) caller.take(batch.map((message) => ({ ...message })));
      if (!fault?.mute) return true;
      await Promise.all([...callers].map((caller) => caller.wire.gone(signal)));
      return false;
    },
    () => callers.size,
  );
  const last = [...callers];
  await Promise.all(last.map((caller) => caller.idle()));
  called = new AbortController();
  if (owed.length > 0) await pause(RECALL_LIMIT_MS, AbortSignal.any([signal, called.signal]));
  await Promise.all([...callers].map((caller) => caller.idle()));
  for (const message of owed) lost(message, 'stopped');
  await Promise.all([listener.close(), ...[...callers].map(({ wire }) => wire.end())]);
  return { ...counts, connected };
}

/** One who called the device, and what is on its way there. */
class Caller {
  readonly wire: Wire;
  readonly #delivery: Delivery;
  #behind = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(wire: Wire, delivery: Delivery) {
    this.wire = wire;
    this.#delivery = delivery;
  }

  take(batch: readonly Outgoing[]): void {
    if (batch.length === 0) return;
    this.#behind += batch.length;
    if (this.#behind > MAX_BEHIND) this.wire.close();
    this.#last = this.#last.then(async () => {
      await this.#delivery.deliver(batch);
      this.#behind -= batch.length;
    });
  }

  idle(): Promise<void> {
    return this.#last;
  }
}
