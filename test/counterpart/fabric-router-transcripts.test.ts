import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  endedBefore,
  type RecordedLine,
  type ReplayOptions,
  recordedLines,
  replay,
  withDialer,
} from '../provisioning/fabric/router/replay.ts';
import { verifies } from '../requirements.ts';

const E = 'E-raw-dialfailed-halfclose-instance';
const ENCRYPTION = 'E-raw-encryption-legacybind-token-update';
const F = 'F-raw-hello-and-session-failures';

// G and H stay out: flow control by the SDK and grouped connections are offers that the embedded router does not take up.
interface Scene extends ReplayOptions {
  lines: () => RecordedLine[];
  /** Connections of which the recording ends before the router's last word. */
  notReadToEnd?: string[];
}

const SCENES: Record<string, Scene> = {
  'Go dials and hosts (A, B), certificate session': { lines: () => recordedLines(['A-dial-echo-legacy'], ['B-bind-accept-legacy']) },
  'Go dials and hosts (A, B), OIDC': { lines: () => recordedLines(['A-dial-echo-oidc'], ['B-bind-accept-oidc']) },
  'Go dials and hosts without encryption (A2, B2)': {
    lines: () => recordedLines(['A2-dial-echo-unencrypted'], ['B2-bind-accept-unencrypted']),
  },
  'nobody hosts (C), certificate session': { lines: () => recordedLines(['C-dial-no-terminators-legacy']) },
  'nobody hosts (C), OIDC': { lines: () => recordedLines(['C-dial-no-terminators-oidc']) },
  'a policy is removed under way (D), both kinds of session': {
    lines: () => recordedLines(['D-raw-policy-removed']),
    before: ({ body }, grants) => {
      if (String(body) === 'dial access lost') grants.change(() => grants.denied.add('uo7.x.ojo 4Oy48AocUoZrIZnDK66BDi Dial'));
    },
  },
  'the C SDK hosts in the way of before; the C SDK and Java dial (I, J)': {
    lines: () => recordedLines(['I-csdk-host-legacybind'], ['I-csdk-dial'], ['J-java-dial']),
  },
  'hellos, sessions and requests that are wrong (F)': {
    lines: () => recordedLines([F, 1, 2, 3, 7, 10, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]),
    limits: { unknownTokenMs: 100 },
    identities: { [`${F} 3`]: 'UlMMx.vev' },
  },
  'encryption, hosts of before, listeners bound twice, foreign tokens (E)': {
    lines: () => recordedLines([ENCRYPTION]),
    notReadToEnd: [`${ENCRYPTION} 5`],
  },
  'hosts that refuse, half-closed circuits, instances (E)': {
    lines: () => endedBefore(recordedLines([E, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), `${E} 6`, `${E} 7`),
    notReadToEnd: [`${E} 7`, `${E} 10`],
  },
  'a host that ignores its dials (E)': {
    lines: () => recordedLines(['E-raw-host-ignores-dial', 3, 4]),
    limits: { hostAnswerMs: 100 },
  },
  'Java hosts in the way of before (J)': { lines: () => withDialer(recordedLines(['J-java-host-legacybind'])) },
  'Go hosts for a long time, and is dialled at last (K)': { lines: () => withDialer(recordedLines(['K-host-latency-keepalive'])) },
};

describe('embedded router: what SDKs were recorded to send is answered as the real router did', { timeout: 60_000 }, () => {
  for (const [name, { lines, notReadToEnd = [], ...options }] of Object.entries(SCENES)) {
    test(name, async () => {
      verifies('FABRIC-ROUTER-AS-REAL');
      const played = await replay(lines(), options);
      const recorded = played.filter(({ channel }) => channel !== 'dialer');
      assert.ok(recorded.every(({ real }) => real.length > 0));
      for (const { channel, ours, real } of recorded)
        assert.deepEqual(notReadToEnd.includes(channel) ? ours.slice(0, real.length) : ours, real, channel);
    });
  }
});
