import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RouterLimits } from '../../provisioning/fabric/router/limits.ts';
import { type Played, type RecordedLine, recordedLines, replay, withController } from '../provisioning/fabric/router/replay.ts';
import { verifies } from '../requirements.ts';

/** A real router asks its hosts again from time to time. */
const INSPECT = 60798;

/** Seconds of the recordings' clock, of which the files hold the rest. */
const START = 1_795_273_900;

interface Scene {
  lines: () => RecordedLine[];
  /** Shortened in the order of the real ones. */
  limits: Partial<RouterLimits>;
}

const SCENES: Record<string, Scene> = {
  // The request of connection 4 ran out before the controller was back, as nothing does here that was shortened so much.
  'away for 108 s (Q): Connects wait for 30 s, and one is made for a dialer who has left': {
    lines: () => withController(recordedLines(['Q-controller-stopped', 1, 2, 3, 5, 6]), START + 26.53, START + 132.59),
    limits: { controllerAnswerMs: 2000, controllerFoundMs: 100, linkReportMs: 0, bindReportMs: 1000, idleCircuitMs: 1500 },
  },
  'away for 9 s (Q2): a bind is confirmed later, a dial is made before the way is known': {
    lines: () => withController(recordedLines(['Q2-controller-restart']), START + 534, START + 543.27),
    limits: { controllerFoundMs: 100, linkReportMs: 200, bindReportMs: 300 },
  },
  'restarted (T): binds are confirmed again, and circuits of before end when they are idle': {
    lines: () => withController(recordedLines(['T-idle-circuits-after-controller-restart']), START + 670, START + 671.5),
    limits: { controllerFoundMs: 100, linkReportMs: 0, bindReportMs: 200, bindsAgainMs: 1000, idleCircuitMs: 1500 },
  },
};

describe('embedded router: without its controller it answers as a real one was recorded to', { timeout: 60_000 }, () => {
  for (const [name, { lines, limits }] of Object.entries(SCENES)) {
    test(name, async () => {
      verifies('FABRIC-CONTROLLER-AWAY');
      const played = await replay(lines(), { limits, unasked: INSPECT });
      assert.ok(played.every(({ real }) => real.length > 0));
      for (const each of played) assert.deepEqual(byConnection(each, each.ours), byConnection(each, each.real), each.channel);
    });
  }
});

/** Connections of one channel have no order among them. What came after the last recorded frame of a connection, the recording did not wait for. */
function byConnection({ real }: Played, frames: unknown[]): Record<string, unknown[]> {
  const grouped = (of: unknown[]): Map<string, unknown[]> =>
    Map.groupBy(of as { headers: Record<string, string> }[], ({ headers }) => String(headers[1000]));
  const wanted = grouped(real);
  return Object.fromEntries(
    [...grouped(frames)].map(([connId, own]) => [
      connId,
      own.slice(0, wanted.get(connId)?.length ?? own.length).map((frame) => ({ ...(frame as object), sequence: 0 })),
    ]),
  );
}
