import type { Uplink } from '../contract.ts';
import { Courier, type CourierOptions } from '../courier.ts';
import type { FhirServerFiles } from './files.ts';
import type { FhirHttpTimes } from './http.ts';
import { fhirServerConnect } from './link.ts';
import { identifiedResources } from './resources.ts';

export interface FhirServerUplinkOptions extends Omit<CourierOptions, 'connect' | 'service' | 'onNetwork' | 'normalize'> {
  /** Base of the server, without credentials. */
  url: string;
  files: FhirServerFiles;
  times?: FhirHttpTimes;
}

const TIMES: FhirHttpTimes = { setupMs: 10_000, answerMs: 60_000 };
/** A server that searches before each creation has enough to do with two. */
const WINDOW_BATCHES = 2;

/**
 * Carries the outbox to a FHIR R4 server instead of a hub: batches of conditional creates, and exactly the rows that the server holds are
 * completed. What a hub would add (whose reading it is, who may speak for whom, audit) is then nobody's work but the server's.
 */
export function createFhirServerUplink({ url, files, times = TIMES, ...options }: FhirServerUplinkOptions): Uplink {
  const base = new URL(url);
  if (base.protocol === 'http:') {
    options.log.warn(
      { server: base.host },
      'the FHIR server is called without TLS: patient data is in the clear between it and this agent',
    );
  }
  return new Courier({
    windowBatches: WINDOW_BATCHES,
    ...options,
    service: base.href,
    normalize: identifiedResources,
    connect: fhirServerConnect({ base, files, times, clock: options.clock }),
  });
}
