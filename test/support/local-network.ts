import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../shared/log.ts';
import { openLocalOverlay } from '../../shared/overlay/local.ts';
import { type LocalSwitch, type LocalSwitchOptions, startLocalSwitch } from '../../shared/overlay/local-switch.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { type TestNetwork, testNetwork } from './identities.ts';

/** A switch in a folder of its own, and overlays on it. */
export class LocalNetwork implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-overlay-'));
  readonly network: TestNetwork;
  readonly #options: Partial<LocalSwitchOptions>;
  #running: LocalSwitch | undefined;
  #frozen: Server | undefined;

  private constructor(network: TestNetwork, options: Partial<LocalSwitchOptions>) {
    this.network = network;
    this.#options = options;
  }

  static async start(options: Partial<LocalSwitchOptions> = {}, network?: TestNetwork): Promise<LocalNetwork> {
    const made = new LocalNetwork(network ?? (await testNetwork()), options);
    await made.up();
    return made;
  }

  get socketPath(): string {
    return join(this.folder, 'overlay.sock');
  }

  async open(id: string): Promise<Overlay> {
    const identity = await this.network.identity(id);
    return openLocalOverlay({ socketPath: this.socketPath, identity, log: silentLogger, backoff: { minMs: 5, maxMs: 20 } });
  }

  async up(): Promise<void> {
    await this.#thaw();
    this.#running ??= await startLocalSwitch({ folder: this.folder, trusted: this.network.caPem, log: silentLogger, ...this.#options });
  }

  async down(): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = undefined;
  }

  /** In place of the switch, somebody who takes connections and says nothing. */
  async freeze(): Promise<void> {
    await this.down();
    const server = createServer((socket) => void socket.on('error', () => socket.destroy()).resume());
    this.#frozen = server;
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
  }

  async #thaw(): Promise<void> {
    const server = this.#frozen;
    this.#frozen = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thaw();
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
