import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { serveTasks } from './overlay-child.ts';

const BLOCK_END = 0x1c;

/** A connection that sends messages of one form, each with a control id of its own, and counts what is acknowledged. */
class Sender {
  readonly #socket: Socket;
  readonly #frame: Buffer;
  readonly #idAt: number;
  readonly #prefix: string;
  sent = 0;
  acknowledged = 0;
  onAcknowledged: () => void = () => undefined;

  constructor(socket: Socket, message: string, number: number) {
    this.#socket = socket;
    this.#frame = Buffer.from(`\x0b${message}\x1c\r`, 'latin1');
    this.#idAt = this.#frame.indexOf('CONTROL-ID-0000');
    this.#prefix = `C${String(number).padStart(4, '0')}`;
    socket.on('data', (chunk: Buffer) => {
      let at = chunk.indexOf(BLOCK_END);
      for (; at >= 0; at = chunk.indexOf(BLOCK_END, at + 1)) {
        this.acknowledged += 1;
        this.onAcknowledged();
      }
    });
  }

  static async open(port: number, message: string, number: number): Promise<Sender> {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    return new Sender(socket, message, number);
  }

  send(): void {
    this.sent += 1;
    this.#frame.write(`${this.#prefix}${String(this.sent).padStart(10, '0')}`, this.#idAt, 'latin1');
    this.#socket.write(Buffer.from(this.#frame));
  }

  close(): void {
    this.#socket.destroy();
  }
}

interface Load {
  port: number;
  message: string;
  connections: number;
}

function all({ port, message, connections }: Load): Promise<Sender[]> {
  return Promise.all(Array.from({ length: connections }, (_, i) => Sender.open(port, message, i)));
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const total = (senders: readonly Sender[]): number => senders.reduce((sum, { acknowledged }) => sum + acknowledged, 0);

/** Connections that are open now, and whether they send. */
let open: Sender[] = [];
let isSending = false;

serveTasks({
  /** Each connection sends the next message as soon as the last one is acknowledged. */
  flood: async (load: Load) => {
    open = await all(load);
    for (const sender of open) {
      sender.onAcknowledged = () => sender.send();
      sender.send();
    }
  },
  /** Each connection sends a message a second; all of them spread over it. */
  steady: async (load: Load) => {
    open = await all(load);
    isSending = true;
    const tick = (sender: Sender): void => {
      if (!isSending) return;
      sender.send();
      setTimeout(tick, 1000, sender);
    };
    for (const [i, sender] of open.entries()) setTimeout(tick, (1000 * i) / open.length, sender);
  },
  /** How many messages were acknowledged until now. */
  acknowledged: async () => total(open),
  /** Sends no more, waits for the last acknowledgements, and resolves with how many messages were sent and acknowledged. */
  end: async () => {
    isSending = false;
    for (const sender of open) sender.onAcknowledged = () => undefined;
    await passed(1500);
    const counts = { sent: open.reduce((sum, { sent }) => sum + sent, 0), acknowledged: total(open) };
    for (const sender of open) sender.close();
    open = [];
    return counts;
  },
});
