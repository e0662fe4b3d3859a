import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RecordedLine, type ReplayOptions, recordedLines, replay, withDialer } from '../provisioning/fabric/router/replay.ts';
import { verifies } from '../requirements.ts';

// G and H stay out: flow control by the SDK and grouped connections are offers that the embedded router does not take up.
const SCENES: Record<string, { lines: () => RecordedLine[] } & ReplayOptions> = {
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
  'Java hosts in the way of before (J)': { lines: () => withDialer(recordedLines(['J-java-host-legacybind'])) },
  'Go hosts for a long time, and is dialled at last (K)': { lines: () => withDialer(recordedLines(['K-host-latency-keepalive'])) },
};

describe('embedded router: what SDKs were recorded to send is answered as the real router did', { timeout: 60_000 }, () => {
  for (const [name, { lines, ...options }] of Object.entries(SCENES)) {
    test(name, async () => {
      verifies('FABRIC-ROUTER-AS-REAL');
      const played = await replay(lines(), options);
      const recorded = played.filter(({ channel }) => channel !== 'dialer');
      assert.ok(recorded.every(({ real }) => real.length > 1));
      for (const { channel, ours, real } of recorded) assert.deepEqual(ours, real, channel);
    });
  }
});
