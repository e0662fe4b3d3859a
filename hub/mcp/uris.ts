/** The list of patients the caller may see. */
export const PATIENTS_URI = 'vitals://patients';

export const LATEST_TEMPLATE = 'vitals://patient/{id}/latest';

export type ResourceRef = { kind: 'patients' } | { kind: 'latest'; patient: string };

/** The resource of a patient's current values. The id is the hub's opaque one, so the URI tells nothing about the person. */
export function latestUri(patient: string): string {
  return `vitals://patient/${encodeURIComponent(patient)}/latest`;
}

/** What a URI means, or undefined. Only the one canonical spelling counts, because subscriptions match by exact string. */
export function parseUri(uri: string): ResourceRef | undefined {
  if (uri === PATIENTS_URI) return { kind: 'patients' };
  const [, encoded] = /^vitals:\/\/patient\/([^/?#]{1,256})\/latest$/.exec(uri) ?? [];
  if (encoded === undefined) return undefined;
  let patient: string;
  try {
    patient = decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
  return latestUri(patient) === uri ? { kind: 'latest', patient } : undefined;
}
