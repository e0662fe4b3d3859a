import type { HostCommand } from '../../support/mcp-site.ts';

/** Where a client finds the hub: the command that it starts (`vitalmesh bridge`), or an address of this machine (`vitalmesh connect`). */
export type Place = HostCommand | { url: string; bearer: string };

/** What a client is to do: list, read and call of this patient, and follow the resource until so many updates have come. */
export interface Errand {
  place: Place;
  era: Era;
  patient: string;
  uri: string;
  updates: number;
}

/** Which revision it is told to speak; `auto` leaves it to the client, which asks for the newer one first. */
export type Era = 'legacy' | 'modern' | 'auto';

/** What it saw. */
export interface Seen {
  revision: string;
  tools: string[];
  resources: string[];
  /** The JSON of the resource. */
  read: Record<string, unknown>;
  /** Structured content of `get_latest_vitals`. */
  called: Record<string, unknown>;
  /** URIs, in order of arrival. */
  updates: string[];
}

/** A client that is not ours, on one errand. Rejects with what it said when it does not come to its end. */
export type ForeignClient = (errand: Errand) => Promise<Seen>;

/** No healthy run comes near. */
export const LIMIT_MS = 120_000;
