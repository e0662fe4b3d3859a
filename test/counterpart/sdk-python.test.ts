import { before, describe } from 'node:test';
import { verifies } from '../requirements.ts';
import { PYTHON, testForeignSdk } from './foreign-sdk.ts';

// The Python package openziti 0.6.0 is the C SDK 0.29.3 of 2022: it signs in by certificate session, hosts with connection ids of its own
// ("legacy"), and knows none of our grants. What it cannot do, seen in its own log (ZITI_LOG=6):
// - As a host that has heard our end it never ends its own direction. When its program closes the socket, nothing is sent at all, and only our
//   wait (lingerMs) ends the circuit. When its program calls shutdown first, it closes the whole connection at once, and drops what it had
//   still to send ("got write req in invalid state[Closed]"). So what it hosts ends with OVERLAY-CLOSED, behind all data.
// - When it has no message left for what comes ("can't alloc message"), it may stand still until another frame comes by the same channel.
// - accept() gives the name that the caller wrote itself (header 1008), and nothing that the network asserts.
// - ctx.connect(service) raises TypeError; python/sdk.py calls what lies below.
describe('the C SDK', () => {
  before(() => verifies('OVERLAY-FOREIGN'));
  testForeignSdk(PYTHON, { hostedEnds: 'VitalmeshError: The overlay connection was closed: the other side did not end', dials: 1 });
});
