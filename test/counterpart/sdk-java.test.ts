import { before, describe } from 'node:test';
import { verifies } from '../requirements.ts';
import { JAVA, testForeignSdk } from './foreign-sdk.ts';

// org.openziti:ziti 0.22.8 signs in by certificate session, hosts with connection ids of its own ("legacy"), knows none of our grants, and
// half-closes both ways. It loses data in two ways, seen in its own log:
// - A message of which more than 32 KiB is left over when its reader has taken what it asked for is dropped without a word. So an end that has
//   not granted is never sent more in one message (`FLOW.FOREIGN_CHUNK_BYTES`).
// - As a host it may drop what comes right behind the router's StateConnected, which it has then not dealt with ("receiver[connId=10] not
//   found"): the dialer's first bytes, or its stream header. No dialer can know when it is ready, so such a dial is tried again.
describe('the Java SDK', () => {
  before(() => verifies('OVERLAY-FOREIGN'));
  testForeignSdk(JAVA, { hostedEnds: 'cleanly', dials: 5 });
});
