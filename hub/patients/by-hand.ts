/**
 * Under this name the hub itself stores what its operators say of who lies where, beside what gateways tell of it. No gateway has it: registry.yaml refuses it as an
 * identity.
 */
export const BY_HAND = 'vitalmesh-hub';
