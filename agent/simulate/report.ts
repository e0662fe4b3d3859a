import type { SimulationCounts, SimulationEvent, Tell } from './simulator.ts';

const LINE_EVERY_MS = 1000;

/** Tells on a stream what happens in a simulation: each event as JSON, or a line of counts each second and what is out of the ordinary. */
export function reporter(out: NodeJS.WritableStream, json: boolean): { tell: Tell } & Disposable {
  if (json) return { tell: (event) => void out.write(`${JSON.stringify(event)}\n`), [Symbol.dispose]: () => undefined };
  const second = new Tally();
  const timer = setInterval(() => {
    if (!second.isEmpty) out.write(`${second.line()}\n`);
  }, LINE_EVERY_MS);
  timer.unref();
  return {
    tell: (event) => {
      second.add(event);
      if (event.event === 'done' && !second.isEmpty) out.write(`${second.line()}\n`);
      const text = said(event);
      if (text !== undefined) out.write(`${text}\n`);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** What happened since the last line. */
class Tally {
  readonly #counts = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  add(event: SimulationEvent): void {
    const key = event.event === 'answered' ? `answered ${event.code || 'unreadably'}` : event.event;
    if (['sent', 'answered', 'kept', 'lost', 'refused'].includes(event.event)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** `sent 4, answered AA 4`, and begins anew. */
  line(): string {
    const line = [...this.#counts].map(([what, count]) => `${what} ${count}`).join(', ');
    this.#counts.clear();
    return line;
  }
}

function said(event: SimulationEvent): string | undefined {
  switch (event.event) {
    case 'ready':
      return `${event.profile}: ${event.endpoint} (test data; not a medical device, not an alarm system)`;
    case 'connected':
    case 'disconnected':
      return `${event.event}: ${event.peer}`;
    case 'done':
      return summary(event);
    default:
      return undefined;
  }
}

function summary({ sent, acknowledged, refused, lost, again }: SimulationCounts): string {
  const known = acknowledged === null ? 'no acknowledgements asked for' : `${acknowledged} acknowledged, ${refused} refused, ${lost} lost`;
  return `${sent} messages: ${known}; ${again} times something was sent again`;
}
