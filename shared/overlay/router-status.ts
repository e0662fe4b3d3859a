import { type ErrorCode, meaningOf } from '../errors.ts';

/** A router of the network to which a channel is kept or tried, for an operator. */
export interface RouterStatus {
  /** As the controller has it. */
  name: string;
  /** `host:port` */
  address: string;
  connected: boolean;
  /** Why the last attempt failed, or the last channel ended; null while it is connected, and before. */
  code: ErrorCode | null;
}

/** Rows of a status for people; none for a network without routers, or before they are known. */
export function formatRouters(routers: readonly RouterStatus[]): [string, string][] {
  return routers.map(({ name, address, connected, code }, i) => {
    const state = connected ? 'connected' : `not connected${code === null ? '' : `, ${meaningOf(code)}`}`;
    return [i === 0 ? 'Routers' : '', `${printable(name)} at ${address}: ${state}`];
  });
}

/** The name is the network's word, and this goes to a terminal. */
function printable(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 64);
}
