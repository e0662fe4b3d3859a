import type { ErrorEntry } from './entry.ts';

/** Of the way from a gateway to a hub, or to a FHIR server in its place. */
export const UPLINK_ERRORS = {
  'UPLINK-VERSION': { message: 'Agent and hub have no uplink version in common.', advice: 'Upgrade the older one.', retryable: false },
  'UPLINK-UNKNOWN-GATEWAY': {
    message: 'The hub does not know this gateway.',
    advice: 'Add the identity id to registry.yaml on the hub; the agent keeps everything until then.',
    retryable: true,
  },
  'UPLINK-INSTANCE': {
    message: 'Another process already speaks for this gateway.',
    advice: 'Stop the second one; one identity, one agent.',
    retryable: true,
  },
  'UPLINK-PEER': {
    message: 'The other end is not who it must be.',
    advice: 'Check the identity files and the configured hub identity.',
    retryable: true,
  },
  'UPLINK-STORE': {
    message: 'The hub that answered keeps another store than the one before it.',
    advice:
      'Hubs of one service must share a store. If the store was replaced on purpose: `vitalmesh-agent outbox accept-store STORE_ID` at each agent.',
    retryable: true,
  },
  'UPLINK-EPOCH': {
    message: 'The store of the hub goes on in another epoch of its life than the one that the connection began with.',
    advice:
      'Nothing: the gateway connects anew and sends again what the store does not hold any more. Where it comes often, see why the database starts anew.',
    retryable: true,
  },
  'UPLINK-SILENT': {
    message: 'The other end of the uplink stopped answering.',
    advice: 'The connection is made again by itself; check the hub when it goes on.',
    retryable: true,
  },
  'UPLINK-REQUEST': {
    message: 'A request breaks the rules of the uplink.',
    advice: 'Check versions on both sides.',
    retryable: false,
  },
  'UPLINK-ANSWER': {
    message: 'The other end of the uplink gave an answer that cannot be read.',
    advice: 'Check versions on both sides; the agent keeps everything and tries again.',
    retryable: true,
  },
  'UPLINK-BUNDLE': {
    message: 'A batch cannot be read.',
    advice: 'Nothing of it was stored; check versions on both sides.',
    retryable: false,
  },
  'UPLINK-TOO-LARGE': {
    message: 'A batch is larger than the hub takes.',
    advice: 'Smaller batches are sent by themselves.',
    retryable: false,
  },
  'UPLINK-KEY-REUSED': {
    message: 'An observation key was used again with other content.',
    advice: 'A disk image or snapshot was restored; the agent takes new keys by itself. Check for a cloned gateway.',
    retryable: false,
  },
  'INGEST-FOREIGN-ID': {
    message: 'An observation id names another gateway than its sender.',
    advice: 'Check for a cloned or tampered gateway.',
    retryable: false,
  },
  'INGEST-NOT-ADOPTED': {
    message: 'The device is not one of those that are adopted at this home.',
    advice:
      'If it belongs to the home, put it under `adopted` of the gateway in registry.yaml (`vitalmesh-hub status` shows the line), with `since` where it was there before, SIGHUP, and `vitalmesh-agent outbox replay --code INGEST-NOT-ADOPTED` at the gateway; else leave it there.',
    retryable: false,
  },
  'INGEST-NOT-BOUND': {
    message: 'The gateway is not bound to this patient, bed or device.',
    advice: 'Add it to the gateway in registry.yaml, or correct the device; the data is in quarantine.',
    retryable: false,
  },
  'INGEST-TEST': {
    message: 'Test, demonstration or simulated data of a tenant in production.',
    advice:
      'It is in quarantine and of nobody. Switch the monitor out of its demonstration mode, or the sender out of its test mode (MSH-11 T or D); a source with `test: true` in agent.yaml is for ' +
      'trials: have it under a tenant that registry.yaml lists as a sandbox (`tenants: {NAME: {kind: sandbox}}`).',
    retryable: false,
  },
  'INGEST-BEFORE-BINDING': {
    message: 'Measured before this bed, device or gateway was given to its patient.',
    advice:
      'Whose it is cannot be known by the hub, or not yet within two minutes of a change; the data is in quarantine. Check the clock of the ' +
      'gateway; let its backlog arrive before a bed, device or gateway gets another patient in registry.yaml. With a hub that is new, has a new ' +
      'store or was restored: where somebody knows who was bound, say so by `confirmed` in registry.yaml, and send it again (OPERATIONS.md).',
    retryable: false,
  },
  'INGEST-INVALID': {
    message: 'An observation breaks a rule of its profile.',
    advice: 'The data is in quarantine; see the rule named.',
    retryable: false,
  },
  'INGEST-ERASED': {
    message: 'Somebody was erased at their own request, and this is of them.',
    advice:
      'Nothing of it is stored, and it is not to be sent again: drop it from the quarantine of the gateway. Whoever is treated again gets another opaque id in registry.yaml.',
    retryable: false,
  },
  'INGEST-MOVEMENT-OLD': {
    message: 'Movements were told more than two days after they happened.',
    advice:
      'They count from when their gateway heard them, and of the time before only where nobody else lay. Look at the clock of the hospital’s system. If it is right, say by hand since when it is so (`vitalmesh-hub patients admit|move|discharge --at TIME`).',
    retryable: false,
  },
  'INGEST-PLACES-CHANGED': {
    message: 'Who lies where changed while a batch was being stored.',
    advice: 'Nothing was stored; the hub decides anew by itself and stores it.',
    retryable: true,
  },
  'INGEST-UNAVAILABLE': {
    message: 'The hub could not store the batch.',
    advice: 'The agent sends it again by itself; check the disk of the hub.',
    retryable: true,
  },
  'INGEST-BUSY': {
    message: 'The gateway sends more than its rate; its batches wait.',
    advice:
      'Nothing is lost: it waits in the outbox and is sent again by itself. If the gateway has that much to send, raise its limits in ' +
      'registry.yaml; if not, look at what its devices send.',
    retryable: true,
  },
  'FHIR-UNREACHABLE': {
    message: 'The FHIR server cannot be reached, or the connection to it was lost.',
    advice: 'Check uplink.url, the network and the server; it is tried again by itself, and the outbox keeps everything.',
    retryable: true,
  },
  'FHIR-TLS': {
    message: 'The FHIR server was reached, and TLS with it failed.',
    advice: 'Check who issued its certificate (uplink.tls.caFile), its name and times, and the clock of this machine; it is tried again.',
    retryable: true,
  },
  'FHIR-CREDENTIALS': {
    message: 'A file with what proves this agent to the FHIR server cannot be used.',
    advice:
      'Token and key must be in files of mode 0600, a certificate must be PEM and that of its key; the files are read anew by themselves.',
    retryable: true,
  },
  'FHIR-SERVER': {
    message: 'What answers at the address is no FHIR server of release 4.',
    advice: 'uplink.url must be the base of a server of FHIR 4.0, the address in front of /metadata; redirects are not followed.',
    retryable: true,
  },
  'FHIR-ABILITY': {
    message: 'The FHIR server does not do what is needed: batches, and conditional create of Observations.',
    advice: 'Have them enabled on the server; without conditional create a reading that is sent again would be stored twice.',
    retryable: true,
  },
  'FHIR-SIGN-IN': {
    message: 'The FHIR server does not accept what proves who this agent is.',
    advice: 'Put a good token, or certificate and key, in place of the files; they are read anew by themselves.',
    retryable: true,
  },
  'FHIR-DENIED': {
    message: 'The FHIR server does not allow this agent to write.',
    advice: 'Give it the right to create resources on the server (scope, role); the outbox keeps everything until then.',
    retryable: true,
  },
  'FHIR-BUSY': {
    message: 'The FHIR server answers that it cannot take data now.',
    advice: 'It is asked again by itself, not before it said; look after the server if it lasts.',
    retryable: true,
  },
  'FHIR-REFUSED': {
    message: 'The FHIR server refused a resource.',
    advice: 'It is in quarantine; the log of the server says why. When that is mended: vitalmesh-agent outbox replay --code FHIR-REFUSED.',
    retryable: false,
  },
  'FHIR-TWICE': {
    message: 'The FHIR server says that it holds a resource more than once.',
    advice:
      'Search it there by its identifier (system urn:vitalmesh:resource). If it is there, delete the copies and drop the entry; if not, the server ' +
      'does not search by identifier: have that mended, then replay the entry.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
