import { Delivery, type Outgoing } from './delivery.ts';
import { listen, type Target } from './listen.ts';
import { Wire } from './wire.ts';
import { type Hl7SimulationOptions, type SimulationResult, Writer } from './writer.ts';

/** Messages that wait for one caller; one that is further behind is cut. */
const MAX_BEHIND = 600;

/**
 * Simulates a device that listens until it is called, and tells each caller the same. Throws SOURCE-OPEN when it cannot listen there.
 */
export async function runListeningDevice(options: Hl7SimulationOptions & { at: Target }, signal: AbortSignal): Promise<SimulationResult> {
  const { simulator, at, tell, fault } = options;
  const persistence = { ...simulator.persistence, ...options.persistence };
  const writer = new Writer(options);
  const { counts } = writer;
  const callers = new Set<Caller>();
  /** What was cut off, and belongs to whoever calls next. */
  const owed: Outgoing[] = [];
  let connected = false;
  const missed = (message: Outgoing, why: string): void => {
    if (fault?.cuts?.(message.number) && message.attempts === 1) {
      owed.push(message);
      return;
    }
    counts.lost += 1;
    tell({ event: 'lost', id: message.id, why });
  };
  const listener = await listen(at, (socket) => {
    const wire = new Wire(socket);
    const { peer } = wire;
    connected = true;
    tell({ event: 'connected', peer });
    const open = async (): Promise<Wire | undefined> => (wire.closed ? undefined : wire);
    const caller = new Caller(wire, new Delivery({ persistence, fault, counts, tell, open, reopens: false, missed, signal }));
    callers.add(caller);
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
  await Promise.all([listener.close(), ...last.map(({ wire }) => wire.end())]);
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
