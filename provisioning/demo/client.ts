import { EXIT, exitWith, type Program, required, runProgram } from '../../shared/command-line.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { aborted, pause, processSignal } from '../../shared/lifecycle.ts';
import { createLogger } from '../../shared/log.ts';
import { connectMcp, type McpConnection } from '../../shared/mcp-client.ts';
import { openOverlay } from '../../shared/overlay/config.ts';
import type { Overlay } from '../../shared/overlay/overlay.ts';
import { patientUris, type Sight, sightsOf } from './callers.ts';
import type { Note } from './notes.ts';
import { SERVICES } from './site.ts';
import { type Shown, Viewer } from './viewer.ts';

/** What an AI client of the demo says, one JSON object a line. */
export type ClientLine =
  | { event: 'subscribed'; patients: number }
  | ({ event: 'shown' } & Shown)
  | ({ event: 'noted' } & Note)
  /** After SIGTERM, when every resource that changed has been read again. */
  | ({ event: 'done' } & ClientTotals)
  /** Of one that looks once: what it was shown, or that the hub does not let it in. */
  | { event: 'seen'; sights: readonly Sight[] }
  | { event: 'refused'; code: ErrorCode };

export interface ClientTotals {
  /** How many patients at least one value came for. */
  patients: number;
  notifications: number;
  /** From the device's own time of a measurement to the arrival of the notification. */
  latencyMs: { p50: number | null; p99: number | null };
  /** Everything that it was shown at the end. */
  sights: readonly Sight[];
}

/** The hub hosts its services while the client starts. */
const CONNECT_LIMIT_MS = 20_000;
const CONNECT_EVERY_MS = 100;

const program: Program = {
  name: 'demo-client',
  summary: 'An AI client of the demo: reads every patient it may see, and says what it is told, as JSON lines.',
  commands: {
    watch: {
      usage: '--identity FILE',
      summary: 'Subscribes to all of them until SIGTERM.',
      options: { identity: { type: 'string' } },
      run: async (values) => {
        await watch(required(values, 'identity'), processSignal());
        return EXIT.ok;
      },
    },
    look: {
      usage: '--identity FILE',
      summary: 'Reads all of them once.',
      options: { identity: { type: 'string' } },
      run: async (values) => {
        await look(required(values, 'identity'), processSignal());
        return EXIT.ok;
      },
    },
  },
};

export function main(argv: readonly string[]): Promise<void> {
  return exitWith(runProgram(program, argv));
}

async function watch(identityFile: string, signal: AbortSignal): Promise<void> {
  const log = createLogger({ component: 'client' });
  await using overlay = await openOverlay({ type: 'ziti' }, loadIdentity(identityFile), log);
  await using mcp = await connected(overlay, signal);
  const viewer = new Viewer(mcp.client, {
    shown: (shown) => say({ event: 'shown', ...shown }),
    noted: (note) => say({ event: 'noted', ...note }),
  });
  const uris = await patientUris(mcp.client);
  const listening = await mcp.listen(uris, (uri) => viewer.updated(uri));
  say({ event: 'subscribed', patients: uris.length });
  await Promise.race([aborted(signal), listening.closed]);
  if (!signal.aborted) throw new VitalmeshError('MCP-PEER', { detail: 'the subscription ended' });
  await viewer.quiet();
  const { patients, notifications, latencies } = viewer;
  const latencyMs = { p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
  say({ event: 'done', patients, notifications, latencyMs, sights: await sightsOf(mcp.client) });
}

async function look(identityFile: string, signal: AbortSignal): Promise<void> {
  await using overlay = await openOverlay({ type: 'ziti' }, loadIdentity(identityFile), createLogger({ component: 'client' }));
  try {
    await using mcp = await connected(overlay, signal);
    say({ event: 'seen', sights: await sightsOf(mcp.client) });
  } catch (error) {
    const { code } = asVitalmeshError(error);
    if (!code.startsWith('ACCESS-')) throw error;
    say({ event: 'refused', code });
  }
}

/** Dials until the hub is there. */
async function connected(overlay: Overlay, signal: AbortSignal): Promise<McpConnection> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT_MS)]);
  for (;;) {
    try {
      return await connectMcp({ overlay, service: SERVICES.mcp, name: 'vitalmesh-demo' });
    } catch (error) {
      if (over.aborted || !asVitalmeshError(error).retryable) throw error;
      await pause(CONNECT_EVERY_MS, over);
    }
  }
}

function say(line: ClientLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
