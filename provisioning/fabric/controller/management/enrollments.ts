import { addPassword, changePassword, deleteAuthenticator } from '../../operations/authenticators.ts';
import { createEnrolment, reEnrol, refreshEnrolment } from '../../operations/enrolments.ts';
import { invalid, unknown } from '../../operations/refused.ts';
import type { Endpoint } from '../call.ts';
import { instant, readBody, readChanges, text } from './body.ts';
import { change, changeWithBody, created, done, idOf } from './endpoint.ts';
import { networkOf } from './network.ts';

const ENROLMENT = {
  identityId: { ...text, required: true },
  method: { ...text, oneOf: ['ott', 'ottca', 'updb'], required: true },
  expiresAt: { ...instant, required: true },
} as const;
const REFRESH = { expiresAt: { ...instant, required: true } } as const;
const PASSWORD = {
  method: { ...text, oneOf: ['cert', 'updb'], required: true },
  identityId: { ...text, required: true },
  username: text,
  password: text,
} as const;
const CHANGE = { username: text, password: text } as const;

export const enrollments: Record<'create' | 'refresh' | 'remove', Endpoint> = {
  create: changeWithBody('enrollment', (call) => {
    const body = readBody(call.body, { what: 'enrollment', struct: 'EnrollmentCreate', fields: ENROLMENT });
    if (body.method !== 'ott') throw invalid('method', 'this network enrols by one-time token (ott) alone', body.method);
    return created('enrollments', createEnrolment(networkOf(call.parts), body.identityId, body.expiresAt));
  }),
  refresh: changeWithBody('refresh', (call) => {
    const { expiresAt } = readBody(call.body, { what: 'refresh', struct: 'EnrollmentRefresh', fields: REFRESH });
    refreshEnrolment(networkOf(call.parts), idOf(call), expiresAt);
    return done();
  }),
  remove: change((call) => {
    if (!call.parts.state.enrolments.withdraw(idOf(call))) throw unknown('enrollment', idOf(call));
    return done();
  }),
};

export const authenticators: Record<'create' | 'replace' | 'patch' | 'remove' | 'reEnroll', Endpoint> = {
  create: changeWithBody('authenticator', async (call) => {
    const body = readBody(call.body, { what: 'authenticator', struct: 'AuthenticatorCreate', fields: PASSWORD });
    if (body.method !== 'updb') throw invalid('method', 'a certificate is got by enrolment', body.method);
    if (body.username === undefined || body.password === undefined)
      throw invalid(body.username === undefined ? 'username' : 'password', 'username and password fields are required', undefined);
    return created('authenticators', await addPassword(networkOf(call.parts), body.identityId, body.username, body.password));
  }),
  replace: changeWithBody('authenticator', async (call) => {
    const fields = { username: { ...text, required: true }, password: { ...text, required: true } } as const;
    await changePassword(
      networkOf(call.parts),
      idOf(call),
      readBody(call.body, { what: 'authenticator', struct: 'AuthenticatorUpdate', fields }),
    );
    return done();
  }),
  patch: changeWithBody('authenticator', async (call) => {
    const changes = readChanges(call.body, { what: 'authenticator', struct: 'AuthenticatorPatch', fields: CHANGE }, ['tags']);
    await changePassword(networkOf(call.parts), idOf(call), changes);
    return done();
  }),
  remove: change((call) => {
    deleteAuthenticator(networkOf(call.parts), idOf(call));
    return done();
  }),
  reEnroll: changeWithBody('reEnroll', (call) => {
    const { expiresAt } = readBody(call.body, { what: 'reEnroll', struct: 'ReEnroll', fields: REFRESH });
    return created('enrollments', reEnrol(networkOf(call.parts), idOf(call), expiresAt));
  }),
};
