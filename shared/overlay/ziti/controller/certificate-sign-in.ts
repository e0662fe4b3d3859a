import { arch, platform, release, version } from 'node:os';
import { VitalmeshError } from '../../../errors.ts';
import { lifetimeOf, sessionOf } from './answers.ts';
import { expectStatus } from './refusals.ts';
import type { SignIn } from './sign-in.ts';

/**
 * Signs in by the certificate of the TLS connection and shows the token of that in `zt-session` (openziti-wire.md §2a). Any use
 * keeps such a session alive; so does a router's channel.
 */
export function certificateSignIn(sdkVersion: string): SignIn {
  const headers: SignIn['headers'] = ({ token }) => ({ 'zt-session': token });
  const self = '/current-api-session';
  return {
    headers,
    async signIn(exchange, signal) {
      const answer = await exchange({ method: 'POST', path: '/authenticate?method=cert', json: aboutUs(sdkVersion) }, signal);
      const { incomplete, lifetimeMs, ...made } = sessionOf(expectStatus(answer, 200).json);
      if (incomplete)
        throw new VitalmeshError('OVERLAY-SIGN-IN', { detail: 'the network asks for a second factor, which a device has not' });
      return { session: { kind: 'certificate', ...made }, lifetimeMs };
    },
    async renew({ session }, exchange, signal) {
      const answer = await exchange({ method: 'GET', path: self, headers: headers(session) }, signal);
      return { session, lifetimeMs: lifetimeOf(expectStatus(answer, 200).json) };
    },
    async signOut(session, exchange, signal) {
      expectStatus(await exchange({ method: 'DELETE', path: self, headers: headers(session) }, signal), 200);
    },
  };
}

function aboutUs(sdkVersion: string): unknown {
  return {
    configTypes: [],
    envInfo: { arch: arch(), os: platform(), osRelease: release(), osVersion: version() },
    sdkInfo: { type: 'vitalmesh', version: sdkVersion },
  };
}
