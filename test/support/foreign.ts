import { TEST_REGISTRY } from './hub.ts';

/** The registry of the tests, with the subjects of its FHIR clients. */
export const FOREIGN_REGISTRY = TEST_REGISTRY.replace(
  'identity: gw-home, tenant: clinic,',
  `$&
      subjects: {
        Patient/1: pat-home-01, Patient/2: pat-home-02, Patient/4f1c0b2e: pat-home-01,
        "https://vendor.example/fhir/Patient/4f1c0b2e": pat-home-01, "urn:oid:2.16.840.1.113883.19.5|MRN-00042": pat-home-01,
      },`,
).replace('identity: gw-other, tenant: other,', '$& subjects: { Patient/1: pat-other-01 },');
