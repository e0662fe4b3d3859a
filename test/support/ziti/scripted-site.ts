import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { silentLogger } from '../../../shared/log.ts';
import type { Caller } from '../../../shared/overlay/overlay.ts';
import type { Channel } from '../../../shared/overlay/ziti/channel/contract.ts';
import { openChannel } from '../../../shared/overlay/ziti/channel/open.ts';
import type { Hosting } from '../../../shared/overlay/ziti/circuit/contract.ts';
import { dialCircuit } from '../../../shared/overlay/ziti/circuit/dial.ts';
import { hostService } from '../../../shared/overlay/ziti/circuit/host.ts';
import type { ServiceSession } from '../../../shared/overlay/ziti/controller/contract.ts';
import { type Frame, text } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { type TestNetwork, testNetwork } from '../identities.ts';
import { type RawRouter, rawRouter } from '../raw-router.ts';
import { converse, type Utterance } from './conversation.ts';
import { ScriptedRouter } from './scripted-router.ts';
import { conversation, type Recording, recording, recordings } from './transcript.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data', 'overlay-transcripts');

export function transcript(file: string, label?: string): Recording {
  return recording(join(FOLDER, `${file}.jsonl`), label);
}

export function transcripts(file: string): Recording[] {
  return recordings(join(FOLDER, `${file}.jsonl`));
}

export interface Accepted {
  connection: Duplex;
  caller: Caller;
}

let network: Promise<TestNetwork> | undefined;

/** A client of ours on a channel whose router plays a recording. Its tokens and names are those of the recorded client. */
export class ScriptedSite implements AsyncDisposable {
  readonly recording: Recording;
  readonly channel: Channel;
  readonly script: ScriptedRouter;
  /** Rejects with what our client did otherwise than the recorded one. */
  readonly played: Promise<void>;
  readonly #router: RawRouter;
  readonly #accepted: Accepted[] = [];
  #accepting: ((accepted: Accepted) => void) | undefined;

  static async open(recorded: Recording): Promise<ScriptedSite> {
    const [hello] = recorded.frames;
    assert.equal(hello?.frame.type, CONTENT.hello);
    network ??= testNetwork();
    const named = hello.frame.body.length > 1 ? hello.frame.body.toString() : 'gw1';
    const identity = await (await network).identity(named);
    const router = await rawRouter(await network);
    const sessionToken = text(hello.frame.headers, HEADER.sessionToken) ?? '';
    const opening = openChannel({ host: router.host, port: router.port, identity, sessionToken, log: silentLogger });
    const script = new ScriptedRouter(await router.accept(), recorded);
    const played = script.play();
    played.catch(() => undefined);
    return new ScriptedSite(recorded, await opening, script, played, router);
  }

  private constructor(recorded: Recording, channel: Channel, script: ScriptedRouter, played: Promise<void>, router: RawRouter) {
    this.recording = recorded;
    this.channel = channel;
    this.script = script;
    this.played = played;
    this.#router = router;
  }

  /** The dial of the recorded client, the first or a later one. */
  async dial(nth = 0): Promise<Duplex> {
    const connect = this.#sent(CONTENT.connect, nth);
    const connection = await dialCircuit({
      channel: this.channel,
      session: session('Dial', connect),
      encryptionRequired: connect.headers.has(HEADER.publicKey),
      callerName: text(connect.headers, HEADER.callerId) ?? '',
      signal: new AbortController().signal,
    });
    // Its owner must listen for errors from the start.
    connection.on('error', () => undefined);
    return connection;
  }

  /** The recorded client's bind. */
  host(options: { maxConnections?: number } = {}): Promise<Hosting> {
    const bind = this.#sent(CONTENT.bind, 0);
    return hostService({
      channel: this.channel,
      session: session('Bind', bind),
      encryptionRequired: bind.headers.has(HEADER.publicKey),
      listenerId: text(bind.headers, HEADER.listenerId) ?? '',
      signal: new AbortController().signal,
      accept: (connection, caller) => this.#accept({ connection, caller }),
      ...options,
    });
  }

  /** The next connection that the host was given. */
  accepted(): Promise<Accepted> {
    const [next] = this.#accepted.splice(0, 1);
    return next
      ? Promise.resolve(next)
      : new Promise((resolve) => {
          this.#accepting = resolve;
        });
  }

  /** Says over a connection what the recorded application said. `connId` as recorded. */
  async converse(connection: Duplex, connId: number): Promise<void> {
    const said = conversation(this.recording, connId);
    await converse(
      connection,
      said.map(({ from, ...rest }): Utterance => ({ from: from === 'client' ? 'us' : 'them', ...rest })),
    );
  }

  /** Waits until all is played and ends the channel; what our client said beyond the recording, by name. */
  async unrecorded(): Promise<string[]> {
    await this.played;
    // The answer to a probe comes behind all that was played, so our client has seen it.
    if (!this.recording.closedByRouter) await this.channel.probe(new AbortController().signal);
    await this.channel[Symbol.asyncDispose]();
    return this.script.unrecorded();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel[Symbol.asyncDispose]();
    await this.#router[Symbol.asyncDispose]();
  }

  #sent(type: number, nth: number): Frame {
    const frame = this.recording.frames.filter((recorded) => recorded.from === 'client' && recorded.frame.type === type)[nth]?.frame;
    assert.ok(frame);
    return frame;
  }

  #accept(accepted: Accepted): void {
    const waiting = this.#accepting;
    this.#accepting = undefined;
    accepted.connection.on('error', () => undefined);
    if (waiting) waiting(accepted);
    else this.#accepted.push(accepted);
  }
}

function session(type: ServiceSession['type'], { body }: Frame): ServiceSession {
  return { id: 'recorded', token: body.toString(), type, serviceId: 'recorded', routers: [] };
}
