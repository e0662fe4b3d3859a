import { VitalmeshError } from '../../../errors.ts';
import { errorOf } from './answers.ts';
import type { ControllerAnswer } from './exchange.ts';

/** The answer if its status is the one expected; throws its `refusal` else. */
export function expectStatus(answer: ControllerAnswer, status: number): ControllerAnswer {
  if (answer.status === status) return answer;
  throw refusal(answer);
}

/** The answer to `POST /sessions` if a session was made; else why not (openziti-wire.md §2c): OVERLAY-NO-SERVICE, OVERLAY-DENIED. */
export function expectServiceSession(answer: ControllerAnswer): ControllerAnswer {
  const { code, field } = errorOf(answer.json);
  if (answer.status === 404) throw new VitalmeshError('OVERLAY-NO-SERVICE');
  if (answer.status === 400 && code === 'COULD_NOT_VALIDATE' && field === 'ServiceId') throw new VitalmeshError('OVERLAY-DENIED');
  if (answer.status === 409 && code === 'INVALID_POSTURE')
    throw new VitalmeshError('OVERLAY-DENIED', { detail: `a posture check of the network is not passed (${code})` });
  return expectStatus(answer, 201);
}

/** What an answer means that is not the one hoped for, for any call: OVERLAY-SIGN-IN, OVERLAY-DENIED, OVERLAY-UNREACHABLE. */
export function refusal({ status, json }: ControllerAnswer): VitalmeshError {
  const detail = ['the controller answered', status, errorOf(json).code].filter(Boolean).join(' ');
  if (status === 401) return new VitalmeshError('OVERLAY-SIGN-IN', { detail });
  if (status === 403) return new VitalmeshError('OVERLAY-DENIED', { detail });
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail });
}
