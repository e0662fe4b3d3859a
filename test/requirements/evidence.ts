import type { Requirement } from './requirement.ts';

/** Of evidence and the rights of patients. */
export const EVIDENCE = {
  'AUDIT-DETAIL': {
    source: 'issue 8, Evidence',
    behaviour:
      'The evidence of a read says by what credential, why, under which policy and mask it was, how long it took, and which observations in which version were shown, with size and hash of the view; nothing that a caller wrote stands in it but what the hub knows itself.',
  },
  'AUDIT-SEALED': {
    source: 'issue 8, Evidence',
    behaviour:
      'What tells of a patient in the evidence is sealed under a key of that patient: it is opened for auditors, found by patient without a search, and gone with the key, after which the chain still verifies.',
  },
  'AUDIT-SIGNED': {
    source: 'issue 8, Evidence',
    behaviour:
      'The hub signs how far the chain of evidence has come, keeps these notes and hands them to its gateways: a chain that was written anew or cut, whoever did it, disagrees with one of them.',
  },
  'AUDIT-NOTE-KEPT': {
    source: 'issue 8, Evidence',
    behaviour:
      'The newest note that a hub signed of its evidence lies outside of the store as well: evidence that does not go on from it is not signed, is told of in log and status, and fails its verification; so does a key that comes to evidence of before, until an operator lists it.',
  },
  'AUDIT-FILED': {
    source: 'issue 8, Evidence',
    behaviour:
      'Verification recomputes the index of patients from the entries: a row more, less or under another patient is named by the entry that it is of, as are a key that is missing without an erasure and a name of a patient that its entries do not bear. An entry that cannot be opened hides no other.',
  },
  'AUDIT-SHOWN': {
    source: 'issue 8, Evidence',
    behaviour:
      'The evidence of a list or an export of many patients says whom it showed, by numbers that say nothing once a patient is erased: it is found by each of them, and a report names no list or export that did not show its patient.',
  },
  'AUDIT-UNREAD': {
    source: 'issue 8, Evidence',
    behaviour:
      'What stands in the chain and is no entry of a known form stops nothing: the others are listed, shown, exported, summed up and verified, and it is said that it is there.',
  },
  'AUDIT-ACKNOWLEDGED': {
    source: 'issue 8, Evidence',
    behaviour:
      'That the note outside of the store was lost stands in every note that the hub signs since, in its log and status at every start, and fails each verification, until an operator answers for it by a command that is recorded; evidence that went back is signed again only once an operator did.',
  },
  'AUDIT-TAIL': {
    source: 'issue 8, Evidence',
    behaviour: 'A verification says how many entries nothing signed covers, and since when.',
  },
  'AUDIT-RESTORED': {
    source: 'issue 8, Evidence',
    behaviour:
      'The evidence of a restore names the end of the backup by number and hash: a verification with notes of what came behind it tells a restore from a cut, names the entries that only their witnesses know of, and says what of it is proven; only a restore that whoever verifies knows of is accounted for.',
  },
  'AUDIT-WITNESSED': {
    source: 'issue 8, Evidence',
    behaviour:
      'A gateway keeps what its hub signs of its evidence, bounded and over years; it tells when two of it contradict each other, and exports it for a verification.',
  },
  'AUDIT-READ': {
    source: 'issue 8, Evidence',
    behaviour:
      'The evidence is listed by patient, principal, time and by what was shown, and summed up for a patient, from a running hub or a store alone; that is decided, and recorded before it is shown.',
  },
  'AUDIT-SAW-INDEXED': {
    source: 'issue 8, Evidence',
    behaviour:
      'Who was shown an observation of a patient is found by an index that tells nobody without the key of that patient what was shown, which a verification holds against the entries; what does not say which observations it showed is looked at in any case.',
  },
  'AUDIT-EXPORT': {
    source: 'issue 8, Evidence; IHE BALP 1.1.4',
    behaviour:
      'The evidence is exported as FHIR R4 AuditEvents shaped by IHE BALP, or as it is kept, a JSON object a line; that is decided, recorded before the first line, and closed with how much was given out and its SHA-256.',
  },
  'AUDIT-REPLAY': {
    source: 'issue 8, Evidence',
    behaviour:
      'Everything that one principal asked and was shown is replayed in order, with the values as they are kept now, read through the door; a view, of the bed where the patient was then, is said to be the one that was shown only where it has the recorded hash, and else why not.',
  },
  'FEED-IN-ORDER': {
    source: 'issue 8, Evidence (live feed)',
    behaviour:
      'Each entry of the evidence goes to the SIEM in order of the chain, at least once, with its number, its hash and the hash before it: a receiver sees what comes twice and what is missing.',
  },
  'FEED-GOES-ON': {
    source: 'issue 8, Evidence (live feed)',
    behaviour:
      'The feed goes on where its receiver surely has everything before, after a restart, a kill, a cut line, a receiver that was away, refused or stalled, a full disk and a rotated file; of hubs that share a store one feeds at a time.',
  },
  'FEED-EACH-RECEIVER': {
    source: 'issue 8, Evidence (live feed)',
    behaviour:
      'Each receiver of the feed has a place of its own: a new one begins where the configuration says, with the first entry that is kept unless told, one of before goes on where it was confirmed, and the status names each with its place.',
  },
  'FEED-GAP-ALARM': {
    source: 'issue 8, Evidence (gap alarm)',
    behaviour:
      'A heartbeat tells the newest number at an interval; a feed that is behind by more than its limits is told of in status, log and metrics, and so is every reason for which it waits.',
  },
  'FEED-HOLDS-UP-NOTHING': {
    source: 'issue 8, Evidence (live feed)',
    behaviour: 'A receiver that is slow or does not read holds up neither reads nor ingest, and takes no memory: the feed falls behind.',
  },
  'FEED-CLEAN': {
    source: 'issue 8, Evidence (live feed)',
    behaviour:
      'What is sent is made anew out of decided fields and tells of no patient but by the number that the evidence has; no text in it can end a line or a message, begin another field, or look otherwise than it is.',
  },
  'FEED-TLS': {
    source: 'issue 8, Evidence (live feed); RFC 5425',
    behaviour:
      'Syslog goes over TLS alone, to a receiver whose certificate is of the named authority and for the named host, over TCP or an overlay service; the hub only dials.',
  },
  'RELOAD-EVIDENCE': {
    source: 'issue 8, Evidence: who changed rights',
    behaviour:
      'A change of registry or policy stands in the evidence before it is in force; one that the store then kept from coming into force is recorded as failed, before anything else changes.',
  },
  'EXPORT-NAMES-NOBODY-ELSE': {
    source: 'issue 8, Rights of patients',
    behaviour:
      'A copy of everything about one person names nobody else: of a movement that concerns several it holds their own part alone.',
  },
  'REPLAY-LIMITS': {
    source: 'issue 9, What is current',
    behaviour:
      'Evidence of current values says which version of the site’s limits they were shown by; where another is in force, a replay that does not prove says so, and not that what is kept differs.',
  },
  'AUDIT-REPLAY-SHAPES': {
    source: 'issue 8, Evidence; issue 9, What is current',
    behaviour:
      'What a hub showed is proven after an update, too: evidence says of what shape the view was, an earlier one is made again as it was made then, and what differs in it is still found.',
  },
  'REFUSALS-COUNTED': {
    source: 'issue 8, Evidence',
    behaviour:
      'Of refusals that whoever is refused can cause as fast as it likes, the first is recorded before it is answered, and alike ones of the same minute as one entry with their exact number, at the latest when the hub stops; a killed hub loses the numbers of that minute.',
  },
  'REFUSALS-RECORDED': {
    source: 'issue 8, Evidence',
    behaviour: 'Who is not let in, and what a token is not for, stands in the evidence, without anything of the token.',
  },
  'ERASE-ROWS': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'Of a person who is erased no row of readings, rollups, gaps, events or quarantine is left, everybody else keeps theirs, and the store agrees with itself.',
  },
  'ERASE-UNPLACED': {
    source: 'issue 8, Rights of patients; issue 9, Who is this',
    behaviour:
      'What stands under nobody and names a person who is erased, by any of their numbers, is erased with them, and is not stored when it comes late.',
  },
  'ERASE-MERGED': {
    source: 'issue 8, Rights of patients; issue 9, Who is this',
    behaviour:
      'Nobody is erased of whom another number, which a merge ties to theirs, lies in a bed, is bound or is under legal hold, or who has by a visit that was given to them what was somebody’s under legal hold; and whoever is erased is forgotten under all numbers that merges tie.',
  },
  'NUMBERS-OF-STORED': {
    source: 'issue 8, Rights of patients; issue 9, Who is this',
    behaviour:
      'A number that stands in nothing but what is refused gets no public id and is kept nowhere; so it is with that of somebody who was erased, in what was measured before that.',
  },
  'ERASE-NUMBERS': {
    source: 'issue 8, Evidence (GDPR); hub/privacy/whose-numbers.ts',
    behaviour:
      'A number that stands with a person’s rows and also with somebody else’s, or beside another of its authority that no merge ties to it, is neither erased nor exported by itself: the operator is told of it, and includes it by a file. Merges are followed. The evidence says how many were included, never which.',
  },
  'HOLD-KEEPS-EVIDENCE': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'The evidence of somebody under legal hold is not emptied, nor their key taken, by any statement to the database, in both engines; what the retention passed over because of that goes once the last hold has ended.',
  },
  'WHERE-RECORDED-ONCE': {
    source: 'issue 8, Evidence',
    behaviour: 'Asking who lay where leaves one entry in the evidence, with the bed (of the registry) and the time that were asked for.',
  },
  'HOLD-LISTED': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'An operator sees who is under legal hold, by which code, since when and set by whom; decided, and recorded with whom it showed.',
  },
  'ERASE-EVIDENCE': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'An erasure destroys the key of the person’s evidence and stands in the evidence itself; the chain and its index still verify, and nobody ever makes a new key for them.',
  },
  'ERASE-LATE': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'What comes late for a person who was erased, sent again, replayed or found in an old backup, is not stored: it is refused with a code of its own, and nothing of its content is kept.',
  },
  'ERASE-HOLD': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'Nobody is erased who is under legal hold, or was given what is of somebody who is, still stands in the registry, is of another tenant, or is named only once.',
  },
  'ERASE-RESUMED': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour: 'An erasure that was cut off at any point goes on at the next start until it is finished.',
  },
  'ERASE-READOPTED': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'A store that was put back to a state of before erases those people again, by what is kept of them beside it; but nobody under legal hold, and by no list that no hub wrote.',
  },
  'ERASE-LIST-KEPT': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'Whoever has the list of erased people alone adds no row to it, drops none, changes none and puts none of before back unseen. A list that is not as the hub wrote it erases nobody; the hub starts and says so, and nobody is erased and no backup put back over it until it is put back or an operator answers for it.',
  },
  'ERASE-LISTED-AGAIN': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour: 'Where registry.yaml names somebody who was erased, check and status name the row, never the person.',
  },
  'ERASE-BYTES': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'Behind an erasure neither the id of the person, nor their identifiers, nor their values stand in the file of the store, its log or any file beside it.',
  },
  'ERASE-TOLD': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour: 'Streams that follow a person end when the person is erased, on every hub of the store.',
  },
  'EXPORT-PATIENT': {
    source: 'issue 8, Evidence (GDPR)',
    behaviour:
      'An export of one person has all that the hub holds of them as FHIR R4, with who saw them; it is decided and recorded, written to a new file of mode 0600, and nothing is left of one that fails.',
  },
} as const satisfies Record<string, Requirement>;
