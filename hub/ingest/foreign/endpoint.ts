import type { Clock, Instant } from '../../../shared/clock.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import { FHIR_JSON } from '../../../shared/uplink/protocol.ts';
import { type HttpAnswer, refusalOf } from '../http.ts';
import type { Ingest } from '../ingest.ts';
import type { BatchRequest, Intake } from '../intake.ts';
import { bundleAnswer, fhirRefusal } from './answers.ts';
import { CAPABILITY_STATEMENT } from './capability.ts';

export interface FhirEndpointOptions {
  ingest: Ingest;
  intake: Intake;
  metrics: Metrics;
  clock: Clock;
  /** Whether an agent speaks for this identity at present; then nobody else does. */
  isTaken(client: string): boolean;
  /** Called when a Bundle is on disk. */
  onBundle(at: Instant): void;
}

export interface FhirRequest extends BatchRequest {
  method: string;
  /** As sent, with its query. */
  path: string;
}

/** Where Bundles are posted: the base, under any of these names. */
const BASES: ReadonlySet<string> = new Set(['/fhir', '/fhir/', '/']);
const MEDIA_TYPES: ReadonlySet<string | undefined> = new Set([FHIR_JSON, 'application/json']);

/** What any FHIR client may ask of the hub: to take a batch or transaction of Observations. Refusals are OperationOutcomes. */
export class FhirEndpoint {
  readonly #options: FhirEndpointOptions;

  constructor(options: FhirEndpointOptions) {
    this.#options = options;
  }

  /** Never rejects. `client` is the identity that its certificate proved. */
  async answer(client: string, request: FhirRequest): Promise<HttpAnswer> {
    try {
      return await this.#routed(client, request);
    } catch (thrown) {
      const { status, code, headers } = refusalOf(asVitalmeshError(thrown));
      return fhirRefusal(status, code, headers);
    }
  }

  async #routed(client: string, request: FhirRequest): Promise<HttpAnswer> {
    const { ingest } = this.#options;
    const gateway = ingest.gateway(client);
    if (gateway === undefined) return fhirRefusal(403, 'UPLINK-UNKNOWN-GATEWAY');
    if (this.#options.isTaken(client)) return fhirRefusal(409, 'UPLINK-INSTANCE');
    const [path = ''] = request.path.split('?');
    if (path === '/fhir/metadata')
      return request.method === 'GET'
        ? { status: 200, headers: { 'content-type': FHIR_JSON }, body: CAPABILITY_STATEMENT }
        : fhirRefusal(405, 'UPLINK-REQUEST', { allow: 'GET' });
    if (!BASES.has(path)) return fhirRefusal(404, 'UPLINK-REQUEST');
    if (request.method !== 'POST') return fhirRefusal(405, 'UPLINK-REQUEST', { allow: 'POST' });
    if (!MEDIA_TYPES.has(request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()))
      return fhirRefusal(415, 'UPLINK-REQUEST');
    return await this.#options.intake.take(gateway, request, async (bundle) => {
      const answer = await ingest.foreign(client, bundle);
      const { metrics, clock, onBundle } = this.#options;
      onBundle(clock.now());
      metrics.count('ingest_foreign_bundles', answer.type);
      return bundleAnswer(answer);
    });
  }
}
