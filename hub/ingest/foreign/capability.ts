/** What a FHIR client is told that asks first what this is (FHIR R4 http, capabilities). `date` is that of this statement. */
export const CAPABILITY_STATEMENT = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-11-22',
  kind: 'capability',
  software: { name: 'Vitalmesh hub' },
  fhirVersion: '4.0.1',
  format: ['application/fhir+json'],
  rest: [
    {
      mode: 'server',
      documentation: 'Takes Observations of vital signs as batch or transaction Bundles, and gives nothing out.',
      resource: [
        { type: 'Observation', interaction: [{ code: 'create' }, { code: 'update' }], conditionalCreate: true, conditionalUpdate: true },
      ],
      interaction: [{ code: 'transaction' }, { code: 'batch' }],
    },
  ],
} as const;
