import { VitalmeshError } from '../errors.ts';
import type { ServiceInfo } from './overlay.ts';

export type Permission = ServiceInfo['permissions'][number];

/** Whether an identity may use a service in a way. */
export type Authorize = (identityId: string, permission: Permission, service: string) => boolean;

/** What the services of a network are, and who may use them. */
export interface ServicePolicy {
  /** The services that exist; every name does when absent. */
  services?: readonly string[];
  /** Everybody may do everything when absent. */
  authorize?: Authorize;
}

const PERMISSIONS: readonly Permission[] = ['Dial', 'Bind'];

/** Throws OVERLAY-NO-SERVICE when there is no such service, OVERLAY-DENIED when the identity may not use it in that way. */
export function demandPermission(policy: ServicePolicy, identityId: string, permission: Permission, service: string): void {
  if (policy.services && !policy.services.includes(service)) throw new VitalmeshError('OVERLAY-NO-SERVICE');
  if (policy.authorize && !policy.authorize(identityId, permission, service)) throw new VitalmeshError('OVERLAY-DENIED');
}

/** The services that the identity may use; of the `hosted` ones where the policy has no list. */
export function permittedServices(policy: ServicePolicy, identityId: string, hosted: Iterable<string>): ServiceInfo[] {
  return [...new Set(policy.services ?? hosted)]
    .map((name) => ({ name, permissions: PERMISSIONS.filter((permission) => policy.authorize?.(identityId, permission, name) ?? true) }))
    .filter(({ permissions }) => permissions.length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
