import { describe, test } from 'node:test';
import { verifies } from '../requirements.ts';
import { faultyLines, sickControllers, sickRouters } from '../support/ziti/ordeals.ts';

// With all kinds and hundreds of faults: test/torture/overlay.test.ts.

describe('faults between processes and their network', { concurrency: true, timeout: 400_000 }, () => {
  test('lines that are late, in pieces, with bits turned over, and cut again and again: nothing is lost, nothing stored twice', async (context) => {
    verifies('EXACTLY-ONCE', 'OVERLAY-REBIND', 'OVERLAY-SICK-ROUTER');
    await faultyLines(context, 10, 'short pauses');
  });

  test('a router that is sick: the healthy one is used; alone the agent says why, and comes back when it is well', async (context) => {
    verifies('OVERLAY-SICK-ROUTER', 'OVERLAY-ROUTER-STATUS', 'OVERLAY-PACED', 'EXACTLY-ONCE');
    await sickRouters(context, ['answers the hello and then nothing', 'closes right behind the hello'], 'short pauses');
  });

  test('a controller that is sick: the agent says why, keeps what it reads, and comes back when the controller is well', async (context) => {
    verifies('OVERLAY-CONTROLLER-BOUNDED', 'OVERLAY-PACED', 'EXACTLY-ONCE');
    await sickControllers(context, ['is a captive portal', 'is cut in the middle of its answer'], 'short pauses');
  });
});
