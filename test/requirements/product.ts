import type { Requirement } from './requirement.ts';

/** Of commands, configuration, documents and packages. */
export const PRODUCT = {
  'ACK-AFTER-COMMIT': {
    source: 'architecture §3.1',
    behaviour: 'A device is acknowledged only after its readings are on disk; if they cannot be stored it gets a NACK.',
  },
  'STORE-KNOWN': {
    source: 'architecture §1, issue 7',
    behaviour:
      'A gateway knows its hub’s store over restarts, and takes another one only when an operator names it; that one is sent what is kept.',
  },
  'ONE-INSTANCE': {
    source: 'architecture §4',
    behaviour:
      'Of two processes on one identity the second is refused while the first answers; both sides say so, and the status has the code.',
  },
  'NOTHING-INVENTED': {
    source: 'architecture §3.3',
    behaviour: 'A sentinel or an unplugged sensor becomes an Observation without value and with dataAbsentReason.',
  },
  'OUTBOX-THREAD-ENDS': {
    source: 'ARCHITECTURE Durability',
    behaviour:
      'When the thread of the outbox ends, whoever waits is told that nothing is stored; it is begun anew after a second, with all that was acknowledged.',
  },
  'GOOD-PARTS-SURVIVE': { source: 'architecture §3.5', behaviour: 'A bad part never costs the good parts.' },
  'DEVICE-TEXT-IS-DATA': {
    source: 'architecture §3.6',
    behaviour: 'Device text is length-capped, stripped of control characters, and never in a log line.',
  },
  'NO-LISTENING-SOCKET': { source: 'architecture §3.7', behaviour: 'The hub has no network listening socket.' },
  'OPERATOR-SOCKET': {
    source: 'architecture §3.7',
    behaviour: 'One Unix socket of mode 0600 serves the operator; its calls are decided and audited as local:<uid>.',
  },
  'STATUS-SOURCE-CODE': {
    source: 'OPERATIONS.md, First look',
    behaviour: 'The status of a source that waits says why, by the code of what went wrong last; while it runs there is none.',
  },
  'STATUS-SILENCE-SHOWN': {
    source: 'architecture §4',
    behaviour:
      'Where no gateway is connected the status of the hub says of how many, since when, and when the last values came; an agent tells a hub that it has lost as what was.',
  },
  'ONE-DOOR': {
    source: 'architecture §3.8',
    behaviour: 'decide() and the audit entry sit below everything that reads or writes; default deny.',
  },
  'AUDIT-RETAINED': {
    source: 'architecture §3.8, 45 CFR 164.316(b)(2)(i)',
    behaviour:
      'Evidence is removed by class, never before its time and never by a clock that nobody confirmed: behind a signed anchor, with an entry that tells of it, in one commit. What remains verifies, and whatever else is missing is found.',
  },
  'TENANT-EVERYWHERE': { source: 'architecture §3.8', behaviour: 'A caller of one tenant never sees or writes data of another.' },
  'STAYS-NEVER-ENDED': {
    source: 'architecture §3.9',
    behaviour:
      'Where nobody is ever discharged, as from a waiting room, it is one conflict however many are said to be there, and what one more costs grows with their number, not with its square.',
  },
  'MOVEMENT-TOO-OLD': {
    source: 'architecture §3.10; docs/clinical.md',
    behaviour:
      'A movement that is told more than two days after it happened, as by a clock that is years behind, takes nothing from anybody who surely lay there: it counts from when its gateway heard it, and of the time before only where nobody lay. An hour or a day late it is taken as it says, and so is what waited with its gateway. It is counted, and said.',
  },
  'PUT-BACK-FOLLOWED': {
    source: 'architecture §3.9, docs/clinical.md',
    behaviour:
      'What was, or may have been, measured in a followed bed while a store that was put back had lost its movements is nobody’s unless it names who lay there, until all movements of that time were told again, somebody says by hand who lay there, or confirms; no movement of another time takes it along. Nobody who lay there is sure afterwards either, until something is said of them. What was before a new store is whoever’s movements say.',
  },
  'SUBJECT-BY-HUB': { source: 'architecture §3.9', behaviour: 'The hub sets the patient and checks that this gateway may speak for it.' },
  'NEW-STORE-NOBODYS': {
    source: 'architecture §3.9, issue 7',
    behaviour:
      'What was, or may have been, measured before a new store first read a registry is nobody’s until somebody confirms who was bound; what is measured from then on is taken at once.',
  },
  'THREE-INSTANTS': {
    source: 'architecture §3.10',
    behaviour: 'latest follows the sort time; a doubtful clock or a memory reading never overtakes a newer one.',
  },
  'STALE-IS-NULL': { source: 'architecture §3.11', behaviour: 'A stale value is never served as current, and going stale is a change.' },
  'CALLER-FROM-CERTIFICATE': {
    source: 'architecture §4',
    behaviour: "The hub takes the gateway's id from its certificate, and an unknown one is refused while the agent keeps everything.",
  },
  'UPLINK-VERSIONED': {
    source: 'architecture §4',
    behaviour: 'An unknown major version is refused with UPLINK-VERSION; unknown fields are ignored.',
  },
  'FRAMING-PURE': {
    source: 'style.md, A framer is pure',
    behaviour: 'However a stream is cut, the frames and discarded totals are the same, within a memory bound.',
  },
  'UPLINK-FLOOD': {
    source: 'RFC 9113 §10.5',
    behaviour: 'A gateway that floods its connection with frames that must be answered loses that connection.',
  },
  'FHIR-SERVER-CAPABLE': {
    source: 'FHIR R4 http.html#capabilities',
    behaviour:
      'Nothing is sent to a server whose CapabilityStatement does not name FHIR 4.0, batches and conditional create of Observations.',
  },
  'FHIR-SERVER-RETRY-AFTER': {
    source: 'RFC 9110 §10.2.3',
    behaviour: 'A FHIR server that cannot take data now is not asked again before it said.',
  },
  'FHIR-SERVER-SECRETS': {
    source: 'SECURITY.md, Secrets',
    behaviour:
      'What proves the agent to a FHIR server comes from files that its user alone can read, and goes over TLS to a server whose certificate is good, or stays on this machine.',
  },
  'LOG-BOUNDED': {
    source: 'ARCHITECTURE.md, rule 4',
    behaviour: 'What happens again and again is told a few times a minute, with how often it was not told.',
  },
  'LINK-QUIET': {
    source: 'OPERATIONS.md, what an idle link costs',
    behaviour:
      'A connected gateway without readings sends no more than what finds a fault in the promised time: what comes counts as an answer, and causes have a most per hour.',
  },
  'BACKUP-RESTORES': {
    source: 'issue: restore proven on another machine’s folder',
    behaviour:
      'What is restored in another folder, under a new key, reads the same as the store of that position, as a new epoch of the same store.',
  },
  'BACKUP-EVIDENCE': {
    source: 'architecture §3.8',
    behaviour: 'A backup, a restore and a change of the key are decided and leave evidence in every tenant.',
  },
  'KEY-CREDENTIAL': {
    source: 'issue: keys',
    behaviour: 'A data key may be a systemd credential: of the same form, readable by nobody else, never made here.',
  },
  'REKEY-NEVER-LOCKS-OUT': {
    source: 'issue: keys; brief: killed at every step',
    behaviour:
      'Killed or cut off at any step of a change of the key, the file opens at the next start with everything in it, by the keys on disk.',
  },
  'OWNER-LOCK': { source: 'architecture §3.7', behaviour: 'A second process on the same file is refused with STORAGE-LOCKED.' },
  'ENCRYPTED-AT-REST': {
    source: 'architecture §5',
    behaviour: 'Nothing of a reading is legible in the files on disk; a wrong key is an error, never a new file.',
  },
  'CONFIG-ERRORS-HELP': { source: 'README', behaviour: 'A configuration error names line, path, what was expected and the nearest key.' },
  'LOG-CLEAN': { source: 'DEVELOPERS, Patient data', behaviour: 'Patient data and secrets never reach a log or an error text.' },
  'IMPORT-DIRECTIONS': {
    source: 'architecture §2',
    behaviour: 'agent and hub never import each other; shared imports neither; devices and framing import nothing but shared.',
  },
  'CAPTURE-BLANKED': {
    source: 'architecture §3.6',
    behaviour: 'A capture holds no identifier, name or text of a patient unless it was told to, however the stream is cut.',
  },
  'ALERTS-RELAYED': {
    source: 'IHE PCD TF-2, PCD-04',
    behaviour: 'Alerts of devices reach the hub as the device stated them, what it did not state as unknown, and never as vital signs.',
  },
  'FOREIGN-CLIENTS': {
    source: 'architecture §4; FHIR R4 http, transaction and batch',
    behaviour:
      'Any FHIR client that is listed as a gateway may send batches and transactions of Observations: they are stored as ours under ids of its own, or refused with what is wrong.',
  },
  'HUBS-SHARE-A-STORE': {
    source: 'architecture §1, §4',
    behaviour: 'Hubs that bind one service without sharing a store are found out by the store id: an agent keeps to one and says so.',
  },
  'DEVICES-DESCRIBED': {
    source: 'IHE PCD TF-2 appendix A, FHIR R4 Device and DeviceMetric',
    behaviour:
      'What a device is made of reaches the hub where it is asked for, once and at every change, and says nothing about a patient.',
  },
  'WAVES-WHOLE': {
    source: 'FHIR R4 datatypes, SampledData',
    behaviour: 'Samples of a wave reach the hub each as it was, a missing one as missing, and never as vital signs.',
  },
  'MOVEMENTS-WHOLE': {
    source: 'architecture §3.9',
    behaviour: 'A movement is read whole or refused: half of one would move somebody wrongly.',
  },
  'MOVEMENTS-LISTED': {
    source: 'architecture §3.8',
    behaviour: 'Only a gateway that the registry lists for it may tell who lies where.',
  },
  'PACKAGE-WORKS': { source: 'architecture §2', behaviour: 'The packed package installs into an empty folder and its commands run.' },
  'DEPENDENCIES-PINNED': {
    source: 'OWASP MCP Top 10, MCP04',
    behaviour: 'Every dependency is of one version, and every package that is installed has the hash of its content in package-lock.json.',
  },
  'LAUNCHER-NODE': {
    source: 'OPERATIONS (exit codes)',
    behaviour:
      'A Node that cannot be run is told as one line before anything becomes it, and a program that a signal ended leaves 128 and the signal.',
  },
  'README-WORKS': {
    source: 'README',
    behaviour:
      'The commands and files of the README, in its order, make a network, enrol identities, and connect a gateway with a hub over it.',
  },
  'NO-CLOCK-CONNECTS': {
    source: 'ARCHITECTURE.md, Time',
    behaviour:
      'A machine whose clock shows a time that surely lies behind us connects all the same, by a certificate that seems to begin later.',
  },
  'SLOW-CLOCK-CONNECTS': {
    source: 'ARCHITECTURE.md, Time',
    behaviour:
      'A machine whose clock is behind, though it could be right, connects to whoever renewed a certificate since: a good chain that begins later shows the clock to be wrong.',
  },
  'NO-CLOCK-BOUNDED': {
    source: 'ARCHITECTURE.md, Time',
    behaviour:
      'That exception is for the beginning of a certificate alone, within a bound, counted and logged; CA, host, usage and end are checked, before anything is sent.',
  },
  'NO-CLOCK-TIME': {
    source: 'RFC 9110 §6.6.1; ARCHITECTURE.md, Time',
    behaviour:
      'Then the time is that of the controller, if its certificates may tell it, and the ordinary rules hold; it is kept for the next start.',
  },
  'NO-CLOCK-ENROLS': {
    source: 'ARCHITECTURE.md, Time',
    behaviour: 'Such a machine enrols by the time of the controller whose key signed its token.',
  },
  'NO-CLOCK-MARKED': {
    source: 'ARCHITECTURE.md, rule 10',
    behaviour:
      'What was stamped before the time was known and cannot be put right any more is marked clock; what is received after it is not.',
  },
  'NO-CLOCK-DEVICE-TIME': {
    source: 'ARCHITECTURE.md, rule 10',
    behaviour: 'A device with a clock of its own keeps its time behind a gateway without one, and is judged by the true time of receipt.',
  },
  'NO-CLOCK-SIGNS': {
    source: 'ARCHITECTURE.md, Time',
    behaviour:
      'A clock counts as not known before the software, the certificate or the kept time, before a good chain began, when it is set by more than two minutes, and when nobody keeps it right and the network tells another time.',
  },
  'NO-CLOCK-TOLD': {
    source: 'OPERATIONS.md, status',
    behaviour: 'The agent’s status says that the time is not known, and how many rows wait for it.',
  },
  'OPERATIONS-COMPLETE': {
    source: 'OPERATIONS.md',
    behaviour:
      'Every error of overlay, identity, enrolment, renewal and embedded network is explained to an operator, and nothing that does not exist.',
  },
  'ADVICE-EXISTS': {
    source: 'style: errors are a table',
    behaviour:
      'Every command that an error, a line that a program prints or a document names exists, with the options that stand beside it.',
  },
  'THREATS-PROVEN': {
    source: 'THREATS.md',
    behaviour: 'Each line of the threat model names what proves it, which exists, or says that nothing protects.',
  },
  'SECURITY-PROVEN': {
    source: 'SECURITY.md',
    behaviour: 'Each protection, and each technical safeguard of HIPAA (45 CFR 164.312), names requirements that exist.',
  },
  'DEMO-WORKS': {
    source: 'README, Quick start',
    behaviour: 'npm run demo shows six or more patients from three protocols and ends with everything stored.',
  },
} as const satisfies Record<string, Requirement>;
