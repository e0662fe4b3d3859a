import type { Requirement } from './requirement.ts';

/** Of devices and what is read of them. */
export const DEVICES = {
  'OUTBOX-OWN-THREAD': {
    source: 'issue 6, Figures; ARCHITECTURE Durability',
    behaviour:
      'The outbox writes in a thread of its own: a disk that is slow keeps nobody from their turn, and errors, log and clock are those of whoever opened it.',
  },
  'OBSERVATION-VALID': { source: 'devices.md §5', behaviour: 'Every Observation is valid FHIR R4 under its vital-signs profile.' },
  'VOCABULARY-TRUE': {
    source: 'devices.md §5.4',
    behaviour: 'Every LOINC, UCUM and MDC of the parameter table is well formed and unambiguous.',
  },
  'TEST-TAGGED': {
    source: 'HL7 table 0103, FHIR R4 v3-ActReason',
    behaviour: 'What a sender marks as test, training or demonstration is HTEST all the way, and nothing takes that off.',
  },
  'DIALECT-BY-TABLE': {
    source: 'devices.md §2.2',
    behaviour: 'A code of a vendor is read by the table of its dialect, with its text and module; every other is refused and kept.',
  },
  'PATIENT-OF-CONNECTION': {
    source: 'devices.md §2.2, Mindray PDS',
    behaviour:
      'A patient named for what follows holds on its connection alone, up to the next one named; behind what may have named another and cannot be read nothing is taken.',
  },
  'STORED-ONCE': {
    source: 'HL7 v2.6 ch. 2.9.3, MSH-10',
    behaviour:
      'A message that its sender repeats, because no acknowledgement reached it, is acknowledged again and stored once, also over a restart; another message under the same id is stored, and so is one whose MSH-7 is more than a week away.',
  },
  'UNFRAMED-BY-CONFIGURATION': {
    source: 'devices.md §2.4',
    behaviour: 'Messages without MLLP blocks are read only where the configuration says so, and half a line is never read as a value.',
  },
  'DEVICE-CALLED': {
    source: 'devices.md §2.2, Mindray PDS and Nihon Kohden',
    behaviour: 'A device that listens is called, and called again when it is lost or falls silent; who calls whom is as its dialect says.',
  },
  'DEVICE-TLS': {
    source: 'RFC 8446; HL7 Transport Specification: MLLP',
    behaviour:
      'Over TLS nothing is taken from, or given to, a peer whose certificate is not the right one; a renewed certificate is used without a restart.',
  },
  'REPLAY-MARKED': {
    source: 'HL7 table 0103, FHIR v3-ActReason HTEST',
    behaviour: 'Whatever is played back from a capture is marked as test data, and a damaged capture is refused.',
  },
  'SETTINGS-APART': {
    source: 'devices.md §2.1, IHE PCD TF-2 (OBX-17)',
    behaviour: 'What is set on a device is never a vital sign: a known setting is read as one, every other is left aside and counted.',
  },
  'CODES-OF-SITE': {
    source: 'devices.md §2.2; issue: nothing is guessed',
    behaviour:
      'A code that a site gives itself is what its dialect file names, with its coding system and module; any other is refused and kept, and the operator sees which.',
  },
  'CHARSETS-EACH': {
    source: 'HL7 v2.6 ch. 2.7, 2.15.9.18; table 0211',
    behaviour:
      'Text is read in the character sets that MSH-18 names; half a character or a set that is not known never moves a field or costs another segment.',
  },
  'KNOWN-ROWS-SAME': {
    source: 'issue 6, Figures; HL7 v2.6 ch. 7.4.2',
    behaviour:
      'A row that is, but for its number and its time, one that came before is read as if it were the first, and what is kept for that is bounded.',
  },
  'WAVES-ASKED': {
    source: 'devices.md §5.3; HL7 v2.6 ch. 2A.46',
    behaviour:
      'Waves are read only where a source asks for them and how often they were sampled is said; else they are counted and left aside, or refused.',
  },
  'MOVEMENTS-READ': {
    source: 'HL7 v2.6 chapter 3',
    behaviour: 'ADT events become movements of identifiers, beds and visits, without names, and reach the hub as they were read.',
  },
  'MOVEMENT-EVENT': {
    source: 'HL7 v2.6 ch. 3.4.1.1; issue 7',
    behaviour:
      'The event of a movement is that of MSH-9; an EVN-1 that was left behind is counted where both come down to the same, and the message refused where they contradict each other.',
  },
  'DECODE-STABLE': {
    source: 'README, Commands',
    behaviour: 'vitalmesh-agent decode prints Observations on stdout and one JSON line per rejected part on stderr.',
  },
  'SIMULATOR-PER-DIALECT': {
    source: 'issue 6',
    behaviour: 'Each dialect has a simulated device that behaves as the real one and makes its mistakes on demand.',
  },
  'SIMULATION-IS-TEST': {
    source: 'issue 6, devices.md §2.1',
    behaviour: 'Everything that a simulated device sends is marked as a test where its format has a place for that, and names nobody.',
  },
  'SIMULATED-FAULTS': {
    source: 'issue 6',
    behaviour: 'Of a sender that makes a mistake nothing is lost that it keeps, nothing is stored twice, and each part has its reason.',
  },
  'DEVICE-PAGES': {
    source: 'issue 6',
    behaviour: 'Each profile has a page made of the tables, whose configuration is valid, and which is not out of date.',
  },
} as const satisfies Record<string, Requirement>;
