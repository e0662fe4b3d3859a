/** Every promised behaviour: where the promise stands, and what it says. Tests cite these by `verifies(id)`; a test fails when one is cited by none. */
export interface Requirement {
  source: string;
  behaviour: string;
}

export const REQUIREMENTS = {
  'ACK-AFTER-COMMIT': {
    source: 'architecture §3.1',
    behaviour: 'A device is acknowledged only after its readings are on disk; if they cannot be stored it gets a NACK.',
  },
  'ANSWER-AFTER-COMMIT': { source: 'architecture §3.2', behaviour: 'The hub answers only for what it has committed, entry by entry.' },
  'EXACTLY-ONCE': { source: 'architecture §3.2', behaviour: 'A row sent again is stored once.' },
  'LIVE-FIRST': {
    source: 'issue 7, Uplink and ingest',
    behaviour:
      'What comes while a gateway is connected does not wait for what had been waiting before, which advances as well; each of both in order.',
  },
  'LANE-BY-DEVICE': {
    source: 'architecture §6, drain after an outage',
    behaviour: 'In a lane the rows of each device keep their order, and go together as far as they were read together.',
  },
  'LATE-UNTOLD': {
    source: 'architecture §6, drain after an outage',
    behaviour: 'What is stored and does not become current is told to nobody who follows what is, and holds up no notification that is.',
  },
  'LOG-AFTER-ANSWER': {
    source: 'architecture §6, drain after an outage',
    behaviour: 'A long log is moved into its file when those have their answer who waited for a commit.',
  },
  'DRAIN-LIMITED': {
    source: 'issue 7, Uplink and ingest',
    behaviour: 'An agent that stops still sends what was stored just before, and takes no longer for it than its limit.',
  },
  'HUB-RESTORED': {
    source: 'issue 7, Uplink and ingest',
    behaviour:
      'A hub that went back to a backup, or a copy, is sent again what it lost, under the keys of then; what no gateway has any more becomes a gap.',
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
  'STORE-LINEAGE': {
    source: 'issue 7, Uplink and ingest',
    behaviour:
      'The hub says at connection which life its store leads and how far it has come, and in each answer where a batch was committed.',
  },
  'STORE-BACK-BELOW': {
    source: 'issue 7, Store',
    behaviour:
      'A database that goes back to an earlier state below a running hub begins an epoch, and no key that the hub remembers of before is used.',
  },
  'UPLINK-BACK-BELOW': {
    source: 'issue 7, Uplink and ingest',
    behaviour:
      'A store that goes back while gateways are connected is told of by the next answer: the gateway connects anew, and sends again what was lost.',
  },
  'STORE-ALIKE': { source: 'issue 7, Store', behaviour: 'Both engines of the store give the same answers to the same batches.' },
  'STORE-SHARED': {
    source: 'issue 7, Store',
    behaviour: 'Hubs that share a database store each row once, in one order and one chain of evidence, whichever of them it comes to.',
  },
  'STORE-SHARED-FEED': {
    source: 'issue 7, Store',
    behaviour: 'What one hub stores, the clients of the others are told of; what was missed while the line was lost is told after it.',
  },
  'STORE-TENANT-ROWS': {
    source: 'issue 7, Store',
    behaviour: 'In a shared database a query that forgets the tenant gets no row, and the role of the hub owns nothing.',
  },
  'STORE-UPGRADE-UNHURRIED': {
    source: 'issue 7, Store',
    behaviour: 'A step of the schema may take as long as a large table needs; no limit of one statement ends it.',
  },
  'STORE-REMOTE-DURABLE': {
    source: 'issue 7, Store',
    behaviour:
      'A database server that answers before its disk, or loses the hub, costs no acknowledged row, and the hub goes on by itself.',
  },
  'STORE-COMMIT-UNSURE': {
    source: 'issue 7, Store and Proof: answer lost at any point',
    behaviour:
      'What a commit stored whose answer from the database was lost is told to readers of this hub as well, though its sender was refused and finds it held.',
  },
  'STORE-REMOTE-DIRECT': {
    source: 'issue 7, Store: LISTEN/NOTIFY',
    behaviour: 'Through a pooler nothing is opened, made or changed, with a code that says so.',
  },
  'STORE-REMOTE-TLS': {
    source: 'issue 7, Store',
    behaviour: 'A database on another machine is reached by TLS alone, with its name proved.',
  },
  'RELIABILITY-REPEATABLE': {
    source: 'issue 7, Done means',
    behaviour: 'What RELIABILITY.md says was tried can be repeated by the command that stands beside it.',
  },
  'CLOCK-STEPS': {
    source: 'issue 7, Proof; architecture §3.10',
    behaviour:
      'A clock that is set back or ahead while agent or hub run costs no reading, stores none twice, and changes no time that may have been sent; what it makes doubtful is marked.',
  },
  'DISK-RECOVERS': {
    source: 'issue 7, Outbox and Proof',
    behaviour:
      'A disk that is full, read-only or fails costs no acknowledged row; the reason is said, and work goes on without a restart once it works.',
  },
  'KEY-REUSED': {
    source: 'architecture §3.2',
    behaviour: 'The same key with other content is refused, quarantined on both sides, and the agent re-keys the row under a new epoch.',
  },
  'NOTHING-INVENTED': {
    source: 'architecture §3.3',
    behaviour: 'A sentinel or an unplugged sensor becomes an Observation without value and with dataAbsentReason.',
  },
  'OUTBOX-LIMITS': {
    source: 'issue 7, Outbox; architecture §3.4',
    behaviour: 'The outbox stays within bytes and ages that are configured, and never takes more than the disk allows.',
  },
  'OUTBOX-CLASSES': {
    source: 'issue 7, Outbox; peers.md §2.6',
    behaviour:
      'When room is short, delivered rows go first, then waves, continuous readings and spot readings, refused ones before good ones; alerts, movements, devices and gaps never. Quarantine takes a quarter of the room at most.',
  },
  'OUTBOX-THINNED': {
    source: 'issue 7, Outbox; peers.md §2.6',
    behaviour: 'Of continuous readings the least, the greatest and the last of each minute, device and vital sign are kept as they were.',
  },
  'OUTBOX-GAPS': {
    source: 'issue 7, Outbox; architecture §3.4',
    behaviour:
      'Whatever the outbox gives up leaves a durable gap of its device and subject, in the same commit, that covers exactly what is gone.',
  },
  'GAP-OF-UNSTORED': {
    source: 'issue 7, Outbox; architecture §3.4',
    behaviour: 'Of what could not be stored and its device cannot send again, a gap is stored as soon as storing works.',
  },
  'OUTBOX-OWN-THREAD': {
    source: 'issue 6, Figures; ARCHITECTURE Durability',
    behaviour:
      'The outbox writes in a thread of its own: a disk that is slow keeps nobody from their turn, and errors, log and clock are those of whoever opened it.',
  },
  'OUTBOX-THREAD-ENDS': {
    source: 'ARCHITECTURE Durability',
    behaviour:
      'When the thread of the outbox ends, whoever waits is told that nothing is stored; it is begun anew after a second, with all that was acknowledged.',
  },
  'OUTBOX-WEAR': { source: 'issue 7, Outbox', behaviour: 'What the outbox writes in a day is counted, for memory cards wear out.' },
  'DAMAGED-SET-ASIDE': {
    source: 'issue 7, Outbox; peers.md §2.6',
    behaviour:
      'A damaged outbox is set aside whole, a new one takes over at once, what can be read is taken over once, and a gap tells of the rest; a wrong key is no damage.',
  },
  'DAMAGED-WHOSE': {
    source: 'issue 7, Outbox; architecture §3.4',
    behaviour:
      'Of an outbox of which nothing can be read, everybody whose data may have waited in it gets a gap of their own; the list for it is encrypted, bounded, and never stops a start.',
  },
  'OUTBOX-ALARM': {
    source: 'issue 7, Outbox',
    behaviour: 'At 80 % the operator is told once; when nothing is left that may go, nothing is acknowledged, until there is room again.',
  },
  'NO-SILENT-DROP': {
    source: 'architecture §3.4',
    behaviour: 'Every discarded byte run, frame, message and row is counted with its reason.',
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
  'AUDIT-CHAINED': {
    source: 'architecture §3.8, peers.md §5',
    behaviour: 'The evidence stands in the same commit as its effect, can only be added to, and every change to it is found.',
  },
  'AUDIT-RETAINED': {
    source: 'architecture §3.8, 45 CFR 164.316(b)(2)(i)',
    behaviour:
      'Evidence is removed by class, never before its time and never by a clock that nobody confirmed: behind a signed anchor, with an entry that tells of it, in one commit. What remains verifies, and whatever else is missing is found.',
  },
  'AUDIT-DETAIL': {
    source: 'issue 8, Evidence',
    behaviour:
      'The evidence of a read says by what credential, why, under which policy and mask it was, how long it took, and which observations in which version were shown, with size and hash of the view; nothing that a caller wrote stands in it but what the hub knows itself.',
  },
  'AUDIT-BEFORE-SHOWN': {
    source: 'issue 8, Proof',
    behaviour: 'Nothing is shown whose entry of evidence is not on disk: whenever the hub is killed, what a client was shown stands in it.',
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
  'HOSTILE-INPUT': {
    source: 'issue 8, Proof',
    behaviour:
      'Whatever a client or gateway writes, as the name of a member, an id or a text, adds no right, changes no object of the process, and neither stands in a log nor breaks a line of the evidence.',
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
  'TENANT-APART': {
    source: 'issue 8, Tenants',
    behaviour:
      'A store file holds one tenant; several are kept in a file each, by a hub each, or in PostgreSQL, which keeps them apart by itself.',
  },
  'POLICY-AS-DATA': {
    source: 'issue 8, What',
    behaviour:
      'Who may do what stands in policy.yaml: checked whole, every error with its line, its version in the evidence; a bad one leaves the last good one in force.',
  },
  'TOKEN-TRACED': {
    source: 'issue 8, Who',
    behaviour:
      'The evidence names the id of a token and the overlay identity it came over, where it was taken and where it was refused; to another tenant than its own it names no token.',
  },
  'POLICY-OPERATOR': {
    source: 'issue 8, What',
    behaviour: 'check names what a policy takes from the operator of what the built-in one gives it; the one in the README takes nothing.',
  },
  'POLICY-DECIDES': {
    source: 'issue 8, What',
    behaviour:
      'decide() is total and denies by default; a forbid outweighs every permit, one more permit or wider reach never takes away nor masks more, and the order of rules means nothing.',
  },
  'WARDS-AND-PANELS': {
    source: 'issue 8, Who',
    behaviour: 'Who has a ward reaches whoever lies there now, who has a panel whoever is on it, and nobody else.',
  },
  'REACH-NOW': {
    source: 'issue 8, Who',
    behaviour: 'Who leaves a ward or panel is out of its reach at once, open streams included; whoever listened is told.',
  },
  'RELOAD-TOLD': {
    source: 'issue 8, Who: registry, policy and keys in force',
    behaviour:
      'Which of registry.yaml, policy.yaml and the files of keys is not in force as it is on disk, since when and with which code, stands in the status, as text and as JSON, and in metrics, until it is in force.',
  },
  'RELOAD-ASIDE': {
    source: 'issue 8, Who: expiry and revocation act within a second',
    behaviour: 'A registry and a policy of any size are checked beside the thread that takes readings and tells of them.',
  },
  'RELOAD-EVIDENCE': {
    source: 'issue 8, Evidence: who changed rights',
    behaviour:
      'A change of registry or policy stands in the evidence before it is in force; one that the store then kept from coming into force is recorded as failed, before anything else changes.',
  },
  'RELOAD-LIMIT': {
    source: 'issue 8, Who: expiry and revocation act within a second',
    behaviour:
      'A check of registry and policy that does not end is given up after a minute, told of as what is not in force, and keeps no later reload waiting.',
  },
  'ROWS-BARRED-TOLD': {
    source: 'issue 8, Who',
    behaviour:
      'Rows of registry.yaml as which nobody can get in, whatever he shows, are named with what bars them by check, status, the log and access list; access explain says that the credential step refuses them.',
  },
  'ACCESS-BEFORE-START': {
    source: 'issue 8, What',
    behaviour: 'access list and access explain answer before the first start by registry.yaml and policy.yaml alone, and make no store.',
  },
  'ACCESS-EXPLAINED': {
    source: 'issue 8, What',
    behaviour:
      'An operator can ask whether somebody may do something, and is told yes or no, the rules, and why in plain words, by the same decision as a real call; the asking is decided and recorded.',
  },
  'LIMITS-RATES': {
    source: 'issue 8, What',
    behaviour:
      'A caller has so many calls and reads a minute; what it has subscribed to it reads as often as it is told of. More is refused with a code and the time after which it is answered.',
  },
  'LIMITS-DAYS': {
    source: 'issue 8, What',
    behaviour: 'A caller has so many calls a day and a month; no answer is larger than its limits, and what was left out is said.',
  },
  'LIMITS-OTHERS': {
    source: 'issue 8, What',
    behaviour:
      'Of patients in none of its wards and panels a caller sees so many an hour and a day, by reads and subscriptions, and never a tenth of the hospital, but for eight of them.',
  },
  'LIMITS-WORKABLE': {
    source: 'issue 8, What',
    behaviour: 'A charge nurse’s agent with 24 beds and an RPM nurse’s with 2,000 homes work a whole day without being refused.',
  },
  'MCP-NOTES': {
    source: 'issue 10, Surface',
    behaviour:
      'A client is told how its own request went (what, milliseconds, code of an error) in log messages, only from the level on that it asked for: of its session in 2025-11-25, with the request in 2026-07-28. They name no patient.',
  },
  'MCP-LONG-READS': {
    source: 'issue 10, Surface',
    behaviour:
      'A long read tells how far it is to whoever sent a progress token, and is stopped when its caller cancels it or, in 2026-07-28, is gone.',
  },
  'MCP-CONFORMANT': {
    source: 'issue 10, Proof',
    behaviour:
      'npm run conformance runs what both revisions require of the official suite against a hub, and fails by a failed check, a warning, a required scenario that was not run, and one beside them that is no extension.',
  },
  'MCP-CONFORMANCE-APART': {
    source: 'issue 10, Wires 4',
    behaviour:
      'The fixtures of the conformance suite are served on a loopback port alone, loudly, beside sandboxes alone, where no access tokens are taken; the same code admits and audits, and a registry that stops to be a sandbox ends it.',
  },
  'MCP-METHODS-LISTED': {
    source: 'issue 8, What',
    behaviour: 'A method that a revision does not serve, and an answer to a question that nobody asked, are refused before any handler.',
  },
  'LIMITS-KEPT': {
    source: 'issue 8, What',
    behaviour: 'What a caller has used up of its day and month is counted in the commit of its evidence, and still counts after a restart.',
  },
  'GATEWAY-OWN-ONLY': {
    source: 'issue 8, What',
    behaviour:
      'A gateway writes for its own patients, beds and devices alone, and under its own ids; all else is refused with a code, kept in quarantine, and recorded.',
  },
  'TENANT-EVERYWHERE': { source: 'architecture §3.8', behaviour: 'A caller of one tenant never sees or writes data of another.' },
  'PATIENT-ID-CHECKED': {
    source: 'issue 9, Who is this',
    behaviour: 'A new patient id has 84 random bits and a check character; a mistyped one is an error, and never somebody else.',
  },
  'BEDS-FOLLOWED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A bed of the registry has its patient named there or follows movements, with all of its gateways alike; a followed one may be a ward’s, and whoever movements put there is in that ward.',
  },
  'MOVEMENTS-REACH': {
    source: 'issue 9, Who is this',
    behaviour:
      'Who may see somebody follows from movements as from the registry: admission, transfer and discharge count from their commit on, end the streams of whoever has no more part in the patient, and are told to both sides.',
  },
  'DISCHARGE-ENDS': {
    source: 'issue 9, Who is this',
    behaviour: 'Once somebody is discharged, whoever may still read them is told since when, and nothing of theirs is shown as current.',
  },
  'MERGED-RESOLVES': {
    source: 'issue 9, Who is this',
    behaviour:
      'A merged id means the one that survived, in every read, list, panel and row of a client, and the answer says so; whoever is masked is told no id.',
  },
  'MERGED-STAYS-OWN': {
    source: 'issue 9, Who is this; HL7 v2.6 ch. 3.6.2',
    behaviour:
      'A discharge ends the stay of its visit or of the bed that it names, never another stay of the same person: what is said of a duplicate neither ends nor moves the stay under the number that survives, and where both lay at once neither bed is sure. A merge told last says who survives, and parting two numbers parts just them.',
  },
  'DEVICE-OF-ITS-GATEWAY': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device is moved by hand as that of one gateway: another gateway that has one of the same id is left alone, where several have it the gateway must be named, and a device of which nothing was heard is refused unless that is said.',
  },
  'SHOWN-AS-READ': {
    source: 'issue 9, Who is this',
    behaviour:
      'What an operator is shown of a bed at a time is whose the readings of that time are: who surely lay there, or nobody for sure, also while movements were silent or are lost.',
  },
  'BY-HAND-CONTRADICTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'What an operator says of who lies where is kept though it contradicts what is known, and they are told whom it contradicts by public id, and what to do; who lay in no bed at the time is neither moved nor discharged.',
  },
  'CENSUS-READ': {
    source: 'issue 9, Who is this',
    behaviour:
      'A start census is read from CSV or from HL7 admissions as movements are; a bad line, of a time that cannot be or of a bed that follows no movements too, is told by its number and code without its content, of lines that contradict each other none counts, and the good ones do, or none where that is asked for; a trial says the same.',
  },
  'PLACED-BY-HAND': {
    source: 'issue 9, Who is this',
    behaviour:
      'An operator can say who lies where, who is who and where a device stands, and take a statement back; it is decided, recorded as theirs, and counts like a movement of the hospital.',
  },
  'NUMBERS-BOUNDED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A gateway that names a new number in every message fills neither memory nor disk with them: beyond so many a day its rows are nobody’s, which is counted and said.',
  },
  'MOVEMENTS-KEPT': {
    source: 'issue 9, Who is this',
    behaviour: 'No bed follows movements where the store does not keep all of them: check, start and reload refuse it.',
  },
  'CORRECTIONS-LISTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What moved from one patient to another can be listed, with who had been shown it before; of the last 30 days unless more is asked for, and the list says so.',
  },
  'SUBJECT-BY-MOVEMENTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'What is measured in a bed that follows movements is whoever’s they say lay there when it was measured; a gateway speaks for its own followed beds alone.',
  },
  'NOBODY-FOR-SURE': {
    source: 'issue 9, Who is this',
    behaviour:
      'What is measured in a followed bed in which nobody is known to lie for sure is stored as the bed’s, shown under no patient and told to nobody; what has no sure time is quarantined.',
  },
  'IDENTITY-CONFLICT': {
    source: 'issue 9, Who is this',
    behaviour:
      'A reading that names somebody else than who lies in its bed, by a number of the same authority, is nobody’s until the one whom it names is known to have lain there.',
  },
  'IDENTITY-UNCONFIRMED': {
    source: 'issue 9, Who is this',
    behaviour:
      'Once movements are silent for longer than registry.yaml allows, what was measured since is a patient’s only where it names that patient; when they are heard again, all of it is.',
  },
  'LATE-MOVEMENT-CORRECTS': {
    source: 'issue 9, Who is this',
    behaviour:
      'A movement, merge or its end that comes late moves what was stored meanwhile to whose it was; readers of both patients are told that it was corrected, and the evidence of both says what moved.',
  },
  'DEVICE-BY-HAND': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device that was put into a bed by hand, or into none, is there from then on, whatever bed its messages name; told late, its rows follow.',
  },
  'PLACED-IN-THE-COMMIT': {
    source: 'issue 9, Who is this',
    behaviour:
      'A batch is stored only if who lies where is still what it was placed by; else it is placed anew, and nothing is lost or doubled.',
  },
  'PLACING-ORDER-FREE': {
    source: 'issue 9, Proof',
    behaviour:
      'Whose a reading is in the end does not depend on the order in which movements and readings arrived, and none is ever under a patient who was not there by what was known.',
  },
  'STAYS-NEVER-ENDED': {
    source: 'architecture §3.9',
    behaviour:
      'Where nobody is ever discharged, as from a waiting room, it is one conflict however many are said to be there, and what one more costs grows with their number, not with its square.',
  },
  'STAYS-FROM-MOVEMENTS': {
    source: 'issue 9, Who is this; HL7 v2.6 ch. 3.3',
    behaviour:
      'Who lay where follows from all movements, in whatever order they were heard, late and cancelled and merged ones too; where they contradict each other it is nobody’s bed.',
  },
  'ORDERS-BOUNDED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What a movement changes of rows that are there is said without listing everybody whom a row may name, so that it stays small however many numbers were ever named.',
  },
  'FORMER-STAY': {
    source: 'issue 9, Who is this',
    behaviour:
      'Of whoever was discharged and is here again, nothing that was measured in a bed before is current: it stands under lastKnown, marked as of a former stay. A trend says from when to when the patient was here. A discharge alone ends a stay.',
  },
  'AMEND-LOST-SAID': {
    source: 'issue 9, Corrections; OPERATIONS.md, Readings that are wrong',
    behaviour:
      'When a store was put back, log, status and list of decisions say with a code that what people decided about readings since is gone, from when to when, until the rows of all gateways through which readings come confirm.',
  },
  'HAND-LOST-SAID': {
    source: 'issue 9, Who is this; OPERATIONS.md, Who lies where',
    behaviour:
      'When a store was put back, log and status say with a code that what was said by hand since is gone, from when to when, until the rows of the gateways of these beds confirm; and until when movements were told again, while any are missing.',
  },
  'TOLD-BY-TWO': {
    source: 'issue 9, Who is this',
    behaviour:
      'What two gateways tell of one event, with times of their own, counts once and from the earlier of both, and one cancel takes all of it back; what one gateway says again is another event.',
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
  'PUT-BACK-NOBODYS': {
    source: 'issue 7',
    behaviour:
      'A store that went back without a restore makes the stretch without bindings that a restore makes, once, as soon as a gateway or a hub knows of what it lost.',
  },
  'DEVICE-ADOPTED': {
    source: 'issue 9, Who is this',
    behaviour:
      'At a gateway of one patient with an `adopted` list, readings of other devices are refused before any row is theirs, and come by a replay once the device is adopted; without a list all count, and check and status say so.',
  },
  'DEVICE-ADOPTED-ONCE': {
    source: 'issue 9, Who is this',
    behaviour:
      'A device that two homes would adopt is refused at load with both rows; one that is adopted here and seen at another home is told.',
  },
  'DEVICE-SEEN': {
    source: 'issue 9, Who is this',
    behaviour:
      'Devices seen and not adopted are shown to operators of the hub’s machine, bounded in number, with how often, since when and the line that adopts them, and stand in no log.',
  },
  'IDENTITY-DOUBTFUL': {
    source: 'issue 9, Who is this',
    behaviour:
      'At a gateway of one patient a weight or cuff pressure that jumps from this person’s own is kept as doubtful, becomes neither latest nor part of a trend, baseline, score or expected reading until it is repeated or confirmed, and is shown beside what is current.',
  },
  'DOUBT-IS-NOT-CALM': {
    source: 'issue 9, Who is this; Decision support',
    behaviour:
      'Where a newer reading is doubtful nothing is reckoned of the older one: the input of a score is missing and the gain of weight unknown, with the reason; nor is what is too old for a score an input of it.',
  },
  'SUPPORT-OF-THIS-STAY': {
    source: 'issue 9, Decision support',
    behaviour: 'Gain of weight and baseline are of this stay: what was measured before the patient came back counts in neither.',
  },
  'IDENTITY-CONFIRMED': {
    source: 'issue 9, Who is this',
    behaviour:
      'A doubtful reading that somebody confirms, or gives to a patient, is that patient’s and current where it is the newest; what is void or became another’s says nothing of whose the others are.',
  },
  'IDENTITY-DOUBTFUL-ANY-ORDER': {
    source: 'issue 9, Proof',
    behaviour: 'What is doubtful follows from the readings alone, in whatever order they came, were corrected, taken back or confirmed.',
  },
  'UNBOUND-PLACES': {
    source: 'issue 7',
    behaviour:
      'Which beds a gateway named that are bound to nobody is shown to operators of the hub’s machine, bounded in number, and stands in no log.',
  },
  'THREE-INSTANTS': {
    source: 'architecture §3.10',
    behaviour: 'latest follows the sort time; a doubtful clock or a memory reading never overtakes a newer one.',
  },
  'LATEST-PREFERRED': {
    source: 'issue 9, What is current',
    behaviour:
      'Vital signs that measure the same thing otherwise are never merged; of each measurand exactly one row is preferred, by a stated rule that says why, whatever the order.',
  },
  'LATEST-DISAGREEMENT': {
    source: 'issue 9, What is current',
    behaviour:
      'Current values of one measurand, measured together, that differ by more than the table with its source allows are said to disagree; without a limit nothing is claimed.',
  },
  'EXPORT-NAMES-NOBODY-ELSE': {
    source: 'issue 8, Rights of patients',
    behaviour:
      'A copy of everything about one person names nobody else: of a movement that concerns several it holds their own part alone.',
  },
  'HOSPITAL-DAY': {
    source: 'issue 9, Proof',
    behaviour: 'At every step of a scripted day of an intensive care unit a reader is told what was written down by hand.',
  },
  'HOMES-MONTH': {
    source: 'issue 9, Proof',
    behaviour:
      'At every step of a scripted month of 50 homes a reader is told what was written down by hand: what is current, what is due, what is silent, what was corrected, and of whom it is.',
  },
  'NEWS2-CHART': {
    source: 'issue 9, Decision support; Royal College of Physicians, NEWS2 (2017), chart 1',
    behaviour: 'Each parameter scores as the published chart says, at every edge of it, on both scales of saturation.',
  },
  'WEIGHT-BY-ONE-SCALE': {
    source: 'issue 9, Decision support',
    behaviour:
      'A gain of weight is reckoned from one scale, within the days of the site’s rule, and unknown for whoever was not weighed lately.',
  },
  'BASELINE-OF-ITS-OWN': {
    source: 'issue 9, Decision support',
    behaviour:
      'A baseline is median and range of the person’s own last days without doubtful values, with their number and the share of time they cover.',
  },
  'SUPPORT-OFF-BY-DEFAULT': {
    source: 'issue 9, Decision support',
    behaviour:
      'Nothing is reckoned for anybody whom the site’s versioned file does not name; what is reckoned shows its inputs and that version.',
  },
  'NEWS2-NEVER-FROM-PARTS': {
    source: 'issue 9, Decision support',
    behaviour: 'Where any input is missing there is no score: the least that it can be, and what is missing.',
  },
  'DUE-FILE': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Which readings are expected of whom stands in a versioned file of the site: vital sign, window of the local day, days, tolerance and zone, by patient, panel and ward, the nearest of each vital sign; one with an error, or with windows that one reading could fill twice, is refused whole.',
  },
  'DUE-WINDOWS': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Windows go by the clock of the home: across the night in which it is set they are an hour shorter or longer, one in the skipped hour is as long and so much later, one in the doubled hour covers both.',
  },
  'DUE-STATES': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'An expected reading is not yet due, due, overdue, missed or done; where whatever could have brought it fell silent before its time was over, that is said instead of overdue and missed.',
  },
  'DUE-DONE-BY-SURE': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'Done is what was measured within the window and its tolerance, by one that counts: no test, nothing withdrawn, doubtful, without a value or of a time that nobody knows; with when and by which device, and what came too late beside it.',
  },
  'DUE-OVER-THE-DOOR': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'What is due is told from what the reader is shown alone, by the names and times that it knows; of what its token is not for nothing is said to be missing.',
  },
  'DUE-WORKLIST': {
    source: 'issue 9, Readings that did not come',
    behaviour:
      'The worklist of a ward or panel is worst first by one stated order, each patient decided by the door, those whom the reader may not see absent; a group without anybody whom it may see is an error, never an empty list. What is remembered of a patient is gone with any change of theirs.',
  },
  'DUE-TOLD': {
    source: 'issue 9, Readings that did not come; Silence is an event',
    behaviour:
      'That an expected reading stands otherwise, by time, by what is stored late or at once, by what is taken back, or by a source that falls silent while it is overdue, is one change (`due`) of that patient within 1 s, also across nights in which the clock is set, another file, another place and a new start of the hub; it is never kept back.',
  },
  'AUDIT-REPLAY-SHAPES': {
    source: 'issue 8, Evidence; issue 9, What is current',
    behaviour:
      'What a hub showed is proven after an update, too: evidence says of what shape the view was, an earlier one is made again as it was made then, and what differs in it is still found.',
  },
  'ALERTS-LEFT': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'An answer about alerts says that its patient was discharged, or lies in no bed for sure: an alert that was open then is of unknown state since, never active and never ended.',
  },
  'STALE-UNCERTAIN-WARD': {
    source: 'issue 9, What is current',
    behaviour:
      'Of whoever lies in no bed for sure the shortest limit of age holds of all wards in which they may lie: where they were said to be, and where they lay before; it is told when that changes.',
  },
  'SILENCE-ONCE': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'A row that goes stale, a device, a gateway, the hub’s own line and movements that fall silent, and each coming back, are exactly one change of each patient concerned within 1 s of the limit, for 10,000 devices as for one, and whatever the wall clock is set to.',
  },
  'STALE-SITE-LIMITS': {
    source: 'issue 9, What is current',
    behaviour:
      'A site may set the limit of age by patient, panel and ward within bounds, in a versioned file that is checked, recorded and reloaded; answers say which limit applied.',
  },
  'SOURCES-TOLD': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'A device that falls silent, a gateway that is lost, the hub that loses its own line and movements that are overdue, and each coming back, are changes of the patients concerned within 1 s of the limit.',
  },
  'SOURCES-SHOWN': {
    source: 'issue 9, Silence is an event',
    behaviour:
      'An answer says of each device, gateway and of the movements whether it is live, silent, lost or not known, and since when: a probe that is off is told from a gateway that is gone.',
  },
  'ALERTS-FOLDED': {
    source: 'issue 9, Alerts are relayed; devices.md §2.3',
    behaviour:
      'What is told of alerts, in any order and however often, is one row an instance, known within its gateway and device: since when, when last told, its priority, and its text as untrusted.',
  },
  'ALERTS-UNKNOWN': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'After the link to its device or gateway was lost, and when one that is told again and again is told no more, the state of an open alert is unknown since then: never active, never ended. It stays so when the link is back, until the device tells of it again.',
  },
  'ALERTS-SOURCES': {
    source: 'issue 9, Alerts are relayed',
    behaviour:
      'An answer about alerts says which sources of this patient report alarms, which cannot, of which it is not known, and which are offline; an alert older than 2 minutes on arrival is delayed.',
  },
  'TEST-NOT-LIVE': {
    source: 'issue 9, Test is not live',
    behaviour:
      'A tenant in production quarantines test, demonstration and simulated data, and a bed whose monitor is in demonstration mode shows that and no number; a sandbox takes them and says so in each answer.',
  },
  'ALERT-SITE-RANGES': {
    source: 'issue 9, Alerts are relayed',
    behaviour: "A site's ranges come from its file alone and are shown as the site's; no built-in range is applied to anybody.",
  },
  'STALE-IS-NULL': { source: 'architecture §3.11', behaviour: 'A stale value is never served as current, and going stale is a change.' },
  'IDENTITY-DER': {
    source: 'X.690 §10, RFC 5280 §4',
    behaviour:
      'What a certificate says of its use is read strictly: what could be understood in two ways is refused, and what is read another reader reads alike.',
  },
  'IDENTITY-VALIDITY': {
    source: 'RFC 5280 §4.1.2.5',
    behaviour:
      'A certificate whose validity is no time is refused wherever one of its chain is judged, never taken for one without an end.',
  },
  'IDENTITY-CHAIN': {
    source: 'architecture §4',
    behaviour: 'Expired, foreign, leaf-as-CA and wrongly named certificates are refused on both sides of the inner TLS.',
  },
  'CALLER-FROM-CERTIFICATE': {
    source: 'architecture §4',
    behaviour: "The hub takes the gateway's id from its certificate, and an unknown one is refused while the agent keeps everything.",
  },
  'UPLINK-VERSIONED': {
    source: 'architecture §4',
    behaviour: 'An unknown major version is refused with UPLINK-VERSION; unknown fields are ignored.',
  },
  'OBSERVATION-VALID': { source: 'devices.md §5', behaviour: 'Every Observation is valid FHIR R4 under its vital-signs profile.' },
  'VOCABULARY-TRUE': {
    source: 'devices.md §5.4',
    behaviour: 'Every LOINC, UCUM and MDC of the parameter table is well formed and unambiguous.',
  },
  'FRAMING-PURE': {
    source: 'style.md, A framer is pure',
    behaviour: 'However a stream is cut, the frames and discarded totals are the same, within a memory bound.',
  },
  'OVERLAY-CONTRACT': { source: 'architecture §2', behaviour: 'Every overlay implementation passes one contract suite.' },
  'OVERLAY-FRAMES': {
    source: 'openziti-wire.md §4',
    behaviour: 'What an overlay peer sends becomes frames however it is cut; what is no frame is refused, within bounded memory.',
  },
  'OVERLAY-ROUTER-VERIFIED': {
    source: 'openziti-wire.md §3',
    behaviour:
      "Nothing is said to a router whose certificate is not of the identity's network or names another host; the error says which.",
  },
  'OVERLAY-FAIR': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'Bulk on one connection of a router channel holds a neighbour up by no more than a frame of each other one; what waits is bounded.',
  },
  'OVERLAY-SLEEP': {
    source: 'openziti-wire.md §0.8',
    behaviour:
      "A machine that slept, or a clock that was set, leaves no dead token or connection in use: both are looked at within seconds, with one renewal at most; the time slept is nobody's silence.",
  },
  'OVERLAY-LIVENESS': {
    source: 'openziti-wire.md §0.8',
    behaviour: 'A router that is silent ends its channel within a time limit; one that is busy, or that this side does not read, does not.',
  },
  'OVERLAY-CLOSE-DELIVERS': {
    source: 'openziti-wire.md §6',
    behaviour: 'What was sent on a router channel before it was closed arrives, even when the process exits right behind.',
  },
  'OVERLAY-BULK-MEMORY': {
    source: 'architecture §6; openziti-wire.md §10.1',
    behaviour: 'Memory of bulk is freed as soon as it is written or read, and never while a frame that somebody still has lies in it.',
  },
  'OVERLAY-BULK': {
    source: 'openziti-wire.md §10.1',
    behaviour: 'What is sent in bulk arrives as it was sent, both ways, encrypted and plain.',
  },
  'OVERLAY-MANY-CONNECTIONS': {
    source: 'openziti-wire.md §10',
    behaviour: 'A thousand connections share a channel, and none gets a byte of another.',
  },
  'OVERLAY-PROVEN-CHANNEL': {
    source: 'openziti-wire.md §0.1',
    behaviour: 'An overlay says that it is ready only when a router has answered behind its hello.',
  },
  'OVERLAY-SESSION-RENEWED': {
    source: 'openziti-wire.md §0.1, §3; openziti-network.md §4',
    behaviour:
      'A session that a router or controller no longer takes is replaced by itself; what is carried goes on as long as its channel does.',
  },
  'IDENTITY-COMMANDS': {
    source: 'openziti-network.md §2',
    behaviour:
      'vitalmesh identity show tells everything of an identity file but its key; renew renews one that no process uses, and says after a failure which pair is good.',
  },
  'RENEWAL-NEVER-LOCKS-OUT': {
    source: 'openziti-network.md §2.8',
    behaviour:
      'While a certificate is renewed a pair that signs in is on disk at every moment: killed behind any step, or with any answer lost, the next start signs in and finishes.',
  },
  'RENEWAL-CHECKED': {
    source: 'openziti-network.md §2.2; openziti-wire.md §0.10',
    behaviour:
      'A renewed certificate is used only if it is for the new key, this identity, and of the CA that was trusted before; nothing is sent when the files could not be replaced.',
  },
  'RENEWAL-MAKE-BEFORE-BREAK': {
    source: 'openziti-network.md §2.5–2.8',
    behaviour:
      'Renewal before expiry, by itself: streams go on, dials go on through it, new handshakes show the new certificate, and old channels and session end with what they carry.',
  },
  'FABRIC-EXTEND': {
    source: 'openziti-network.md §2; rest-cert-extend',
    behaviour:
      'The embedded controller extends and verifies certificates with the statuses, codes and texts of a real one, to whoever shows the one that is replaced; the switch is atomic.',
  },
  'OVERLAY-OIDC-SIGN-IN': {
    source: 'openziti-wire.md §2b; RFC 7636; OpenID Connect Core §3.1',
    behaviour:
      'Where the controller offers it, an identity signs in by OIDC with its certificate; an answer that is not to its own question is refused.',
  },
  'OVERLAY-TOKEN-RENEWED': {
    source: 'openziti-network.md §0.3, §2.6, §5',
    behaviour:
      'A token is renewed before it ends and shown on every open channel; a session that cannot be renewed gives way to a new one with channels of its own.',
  },
  'FABRIC-OIDC': {
    source: 'openziti-wire.md §2b, §5; openziti-network.md §4, §5',
    behaviour:
      "The embedded network's tokens are bound to certificate and session, each code is good once, and with the identity or the time their use ends.",
  },
  'OVERLAY-SICK-ROUTER': {
    source: 'openziti-network.md §0.1, §3.8',
    behaviour: 'With several routers, one that is silent or gone costs a dial at most; the others are used until it answers again.',
  },
  'OVERLAY-CONTROLLER-FAIL-OVER': {
    source: 'openziti.md §3, §8; openziti-network.md §0, §3.12 to §3.14',
    behaviour:
      'Of several controllers one that is away, silent, sick or talks nonsense costs a call one bounded wait at most: the next one serves it, is used until it fails, and what runs over the network goes on.',
  },
  'OVERLAY-CONTROLLER-RETRY-AFTER': {
    source: 'RFC 9110 §10.2.3, RFC 6585 §4',
    behaviour: 'A controller that says when to come back is not asked before, five minutes at most, also when it is the only one.',
  },
  'OVERLAY-CONTROLLERS-LEARNED': {
    source: 'openziti-wire.md §2c, openziti.md §3',
    behaviour:
      'Controllers that the network names are asked when those of the identity file do not serve: eight at most, by https alone, vouched for by the same CA, and nothing of them is written to disk.',
  },
  'OVERLAY-ROUTER-STATUS': {
    source: 'openziti-network.md §0.1',
    behaviour:
      'The status of agent and hub names the controller that served last, how one is signed in, and each router that is used or tried, and why one is not connected.',
  },
  'OVERLAY-PACED': {
    source: 'architecture §4; openziti-network.md §4.3',
    behaviour: 'Whatever controller and routers answer, each of them is tried again at the pace of a growing pause, never in a loop.',
  },
  'OVERLAY-NO-STAMPEDE': {
    source: 'README, Sizes',
    behaviour: 'What a fleet loses in one moment it comes back for spread over seconds, each member once, and asks nobody anything before.',
  },
  'OVERLAY-SERVICE-SESSIONS': {
    source: 'openziti-wire.md §2c, §10.7; openziti.md §8',
    behaviour:
      'Dials of a service share a session, each bind has its own; one that ended, or a service made again under another id, is asked for anew, once.',
  },
  'OVERLAY-REBIND': {
    source: 'openziti-network.md §3, §4.5',
    behaviour:
      'A binding stands on every router given, and comes back by itself after a lost router, an ended session, a permission taken and given again.',
  },
  'OVERLAY-UNCONFIRMED': {
    source: 'openziti-network.md §3.13',
    behaviour:
      'An offer that a router has taken while the controller is away is left to it, said to be unconfirmed, and hosted within seconds of the return, once.',
  },
  'OVERLAY-TERMINATORS-RENEWED': {
    source: 'openziti-network.md §0.6, §3.10',
    behaviour:
      'A terminator that somebody deletes, which no host is told, is made again by itself within minutes; no dial and no connection is lost by that.',
  },
  'OVERLAY-RETRY-HINT': {
    source: 'openziti.md §5 (retryHint), §8; openziti-network.md §4.5',
    behaviour:
      'Dials and binds keep the pace that a router hints: longer when it is too busy, with everything asked for anew, or only when something has changed, and never not at all.',
  },
  'OVERLAY-CIRCUITS': {
    source: 'openziti-wire.md §6, §7, §10.8',
    behaviour:
      'Connections are dialled, hosted and ended in the bytes of OpenZiti; nothing that was sent is lost, and one that is cut is an error, never an end.',
  },
  'OVERLAY-FOREIGN': {
    source: 'architecture §2, OpenZiti C SDK 0.29.3 and Java SDK 0.22.8',
    behaviour:
      "Other implementations enrol in the embedded network, dial our services and host for us, each side with the other's identity file.",
  },
  'OVERLAY-FLOW': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'Bytes in flight are bounded per connection; a reader that does not read costs bounded memory, and after a time limit its own connection only.',
  },
  'UPLINK-FLOOD': {
    source: 'RFC 9113 §10.5',
    behaviour: 'A gateway that floods its connection with frames that must be answered loses that connection.',
  },
  'FHIR-SERVER-ONCE': {
    source: 'issue 7, Uplink and ingest; FHIR R4 http.html#ccreate',
    behaviour:
      'An agent may send to a FHIR server instead of a hub: each resource is created there once, whatever is sent again, and other content under the same key is no repetition.',
  },
  'FHIR-SERVER-ANSWERS': {
    source: 'issue 7, Uplink and ingest; FHIR R4 http.html#transaction-response',
    behaviour:
      'Only what a FHIR server has confirmed is completed; what it refuses is quarantined, and all else is kept and sent again, with a code that says why.',
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
  'OVERLAY-CONTROLLER-AWAY': {
    source: 'openziti-network.md §3.12 to §3.15',
    behaviour:
      'While the controller is away what runs goes on, and what begins waits with limits of its own; afterwards everything is back by itself, with every reading stored once.',
  },
  'OVERLAY-HEARTBEAT': {
    source: 'openziti-network.md §0.2, §3.15',
    behaviour:
      'Between two ends of ours no connection is idle for a minute; one whose other end has fallen silent is cut, and nobody else is ever sent a heartbeat or cut for the lack of one.',
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
  'OVERLAY-STALL': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'When a router stops reading a channel for the sake of one connection, that one is cut, the others are back within seconds, and who does not read is turned away for a while.',
  },
  'OVERLAY-CALLER': {
    source: 'openziti-wire.md §0.2, §7',
    behaviour: 'A caller is verified only when the network itself names its identity; what it calls itself stays a claim.',
  },
  'OVERLAY-END-TO-END': {
    source: 'openziti-wire.md §8, §10.4',
    behaviour:
      'A message of an encrypted connection that was changed, lost, repeated or moved ends the connection; nothing of it is delivered.',
  },
  'FABRIC-MANAGEMENT-ADMIN': {
    source: 'architecture §2; openziti-network.md §1.8',
    behaviour:
      'The management API is for administrators alone. The first one and its password are made with the network: in a file of mode 0600, as a slow hash in the state, in no output; it cannot be disabled or deleted.',
  },
  'FABRIC-MANAGEMENT-NOTHING-SILENT': {
    source: 'openziti-network.md §0.7, §1.8, §1.10',
    behaviour: 'What of a change cannot be done, or would turn encryption off unasked, refuses the whole change; nothing of it is kept.',
  },
  'FABRIC-MANAGEMENT-BOUNDED': {
    source: 'architecture §2',
    behaviour: 'Any filter, body and path at the management API is answered with a coded refusal, in bounded time and memory.',
  },
  'FABRIC-CONTROLLER-AWAY': {
    source: 'openziti-network.md §3.12 to §3.15, transcripts Q, Q2 and T',
    behaviour:
      'While the controller of the embedded network is away its routers carry what runs, keep Connects waiting, confirm no bind and go by what they knew; after a restart circuits of before end when idle.',
  },
  'FABRIC-SEVERAL-ROUTERS': {
    source: 'openziti-network.md §3.1, §3.5',
    behaviour:
      'The embedded network runs several edge routers; one that is away is shown as offline, and what it hosted is reached by nobody and gone when it is back.',
  },
  'FABRIC-ROUTER-POLICIES': {
    source: 'openziti-network.md §1.11, §1.12',
    behaviour:
      'An identity uses an edge router, and a service is reached by it, only where a policy says so: in what the controller lists and in what the router lets happen. Networks begin with everybody at the public routers.',
  },
  'FABRIC-MANAGEMENT-AS-REAL': {
    source: 'openziti-network.md §1; recordings rest-mgmt-*',
    behaviour:
      'The management API of the embedded controller answers as that of OpenZiti 2.0.3: paths, bodies, codes, filters, order and paging; where the real one loses something without a word it answers 400.',
  },
  'FABRIC-CONTROLLER-AS-REAL': {
    source: 'openziti-wire.md §1, §2; openziti-network.md §1',
    behaviour: 'The embedded controller answers and refuses as the real one does: paths, status codes, bodies, headers.',
  },
  'FABRIC-CONTROLLER-BOUNDED': {
    source: 'architecture §2',
    behaviour: 'Whatever is sent to the embedded controller costs bounded memory and its own connection, for a bounded time.',
  },
  'FABRIC-DEFAULT-DENY': {
    source: 'openziti-wire.md §2c; architecture §3.8',
    behaviour: 'On the embedded network an identity sees, dials and binds what a policy allows it, and nothing else.',
  },
  'FABRIC-ENROLS-ONCE': {
    source: 'openziti-wire.md §1',
    behaviour: 'An enrolment token gives one certificate, once, within its time; a request that is refused does not spend it.',
  },
  'FABRIC-SIGN-IN': {
    source: 'openziti-wire.md §2a',
    behaviour: 'Only the certificate that an enabled identity enrolled signs it in; disabled, replaced, foreign and self-made ones do not.',
  },
  'FABRIC-SURVIVES-RESTART': {
    source: 'README, embedded network',
    behaviour: 'Identities, services, policies and sessions of the embedded network are there after a restart, its secrets never in clear.',
  },
  'FABRIC-ONE-MACHINE': {
    source: 'README, embedded network',
    behaviour: 'The embedded network listens on loopback addresses only, and has one owner at a time.',
  },
  'FABRIC-COMMANDS': {
    source: 'README, Commands',
    behaviour:
      'vitalmesh fabric creates, lists, changes and deletes, through the running network or on its state; tokens go to files of 0600.',
  },
  'FABRIC-ROUTER-AS-REAL': {
    source: 'openziti-wire.md §0, §3 to §7',
    behaviour:
      'The embedded router answers, refuses and stays silent as the real one does, with its texts, so that a wrong client fails here too.',
  },
  'FABRIC-ROUTER-CALLER': {
    source: 'openziti-wire.md §7',
    behaviour: 'A host hears from the embedded router who dials, out of the authenticated session, whatever the dialer wrote.',
  },
  'FABRIC-ROUTER-REVOKED': {
    source: 'openziti-network.md §4',
    behaviour:
      'What is taken away by the controller ends at once on the embedded router: channels, binds, running circuits, each with its text.',
  },
  'FABRIC-ROUTER-WINDOWS': {
    source: 'openziti-wire.md §10.1',
    behaviour:
      'A sender that outruns its reader has payloads dropped and its channel stopped, as on the real router; one that bounds what it has under way never does.',
  },
  'FABRIC-ROUTER-BOUNDED': {
    source: 'openziti-wire.md §4; architecture §2',
    behaviour: 'Whatever a client sends to the embedded router costs its own channel at most, within bounded memory.',
  },
  'OVERLAY-REAL-ROUTER': {
    source: 'openziti-wire.md',
    behaviour:
      'Against what a real OpenZiti router was recorded to send, the client comes to the recorded outcome with equivalent messages.',
  },
  'OVERLAY-SIGN-IN': {
    source: 'openziti-wire.md §2a, openziti-network.md §4.3',
    behaviour: 'An identity signs in once for all its calls and again when its session ended, never in a storm; a refused one hears so.',
  },
  'OVERLAY-CONTROLLER-BOUNDED': {
    source: 'openziti-wire.md §2',
    behaviour:
      "Whatever answers in a controller's place: a call ends in time, in bounded memory, with a coded error and no token in any text.",
  },
  'OVERLAY-REAL-CONTROLLER': {
    source: 'openziti-wire.md §2',
    behaviour: 'Recorded answers of a real controller give the recorded outcome, and our requests are what the recorded SDK sent.',
  },
  'ENROLL-PINNED': {
    source: 'openziti-wire.md §1',
    behaviour: 'An enrolment sends nothing to any server but the one whose key signed the token.',
  },
  'ENROLL-KEY-FIRST': {
    source: 'openziti.md §2',
    behaviour: 'The private key is on disk before the token is spent, and a second run after a crash uses it.',
  },
  'ENROLL-CLEAR': {
    source: 'openziti-wire.md §1',
    behaviour:
      'An expired, foreign, tampered or spent token is an error of its own, which never shows the token; no file of an operator is overwritten.',
  },
  'OVERLAY-DARK': {
    source: 'architecture §4; openziti-wire.md §0, §2, §3',
    behaviour:
      'Who has no identity of the network, or no policy for a service, gets no answer from it; the host does not hear of the attempt.',
  },
  'BACKUP-ONLINE': {
    source: 'issue: online backup',
    behaviour: 'A copy of a file that is written to holds every commit up to the position it states, none in part, and opens.',
  },
  'BACKUP-SEALED': {
    source: 'issue: online backup; RFC 9180',
    behaviour:
      'A backup opens with the recovery key of one of its recipients alone, none is made without one, and a changed byte is found.',
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
  'STORE-NEVER-ANEW': {
    source: 'issue 7: damaged file',
    behaviour: 'Where a store was, and its file is gone, empty or damaged, the hub does not begin an empty one.',
  },
  'STATUS-STORE-AWAY': {
    source: 'issue 7: a database that is away',
    behaviour: 'While the store cannot be asked, the status of the hub says so with the code, and shows all else.',
  },
  'STATUS-STORE-REFUSES': {
    source: 'issue 7: state clear when the disk is full',
    behaviour:
      'While the store takes no batches, the status of the hub says why and since when, whatever else the store still takes, until the rows of one are stored.',
  },
  'STORE-ONLY-RUN-MAKES': {
    source: 'issue 7: a path that was mistyped',
    behaviour: 'No command but `run` (and `restore`) makes a store or outbox: where there is none, it says so and leaves nothing behind.',
  },
  'BACKUP-NEVER-OVER': {
    source: 'issue: online backup',
    behaviour: 'A backup or restore writes over no file, and leaves nothing under a name when it fails.',
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
  'MCP-BOTH-ERAS': { source: 'mcp.md §0.2', behaviour: 'Clients of 2025-11-25 and of 2026-07-28 read, call and receive updates.' },
  'MCP-FIND-NO-GUESS': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Looked for by id, bed, ward or panel, somebody is found who is named exactly; what is ambiguous, or only a beginning, gives candidates and says so, in stable pages.',
  },
  'MCP-OVERVIEW': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'One call gives everything about one patient, each row standing alone, in at most 1,500 tokens whatever the patient; what does not fit is counted, and nothing is concluded.',
  },
  'MCP-OVERVIEW-SHAPE': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'The last day of a measurand is told in numbers of the one device that answers for it; where nothing was measured there is none.',
  },
  'MCP-OVERVIEW-ASSOCIATION': {
    source: 'issue 10, Surface',
    behaviour: 'It is told how readings came to be this patient’s, and since when, and to nobody who is masked.',
  },
  'MCP-GROUP-OVERVIEW': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'One call gives everybody of a ward or panel, worst data first, at most 150 tokens a patient; pages leave nobody out and repeat nobody, whoever got worse meanwhile.',
  },
  'MCP-OUTSIDE-LIMITS': {
    source: 'issue 10, Surface, Tools',
    behaviour:
      'Current values are compared with limits that are named; what cannot be told is counted first and says why, and nothing stale, doubtful or of another unit counts as inside.',
  },
  'MCP-LINE': {
    source: 'issue 10, Wires 2; MCP, stdio framing',
    behaviour:
      'Messages of either revision, one a line, are admitted, metered, answered and ended as those of HTTP are; a bad line costs nobody else, and a reader that stalls is cut.',
  },
  'MCP-BRIDGE': {
    source: 'issue 10, Wires 2',
    behaviour:
      'The stdio command connects again by itself and takes sessions and subscriptions up where they were; what was under way is answered with what to do, and it ends with its host.',
  },
  'MCP-CONNECT': {
    source: 'issue 10, Wires 3',
    behaviour:
      'HTTP clients reach the hub by a loopback address of their own machine, with a bearer; browsers, other names and other addresses are refused.',
  },
  'MCP-TREND': {
    source: 'issue 10, Surface',
    behaviour:
      'A trend says by device what counts and what does not and why, in which stretches there is nothing, what was lost, where devices changed, and compares with an earlier period only what one device measured in both.',
  },
  'MCP-ALERTS': {
    source: 'issue 10, Surface',
    behaviour: 'Alerts come with which devices could tell of any; that none is shown is never said to be calm.',
  },
  'MCP-DEVICES': {
    source: 'issue 10, Surface',
    behaviour:
      'The devices of a patient come with since when they are silent or lost, what they gave last and when, and never with values.',
  },
  'MCP-DESCRIBE': {
    source: 'issue 10, Surface',
    behaviour:
      'Every vital sign of the table is described by key, name or code, with what is plausible, and with no normal range or limit.',
  },
  'MCP-UNTRUSTED': {
    source: 'issue 10, Proof',
    behaviour:
      'What a device wrote stands in fields named untrusted alone, in no words of an answer, and free text only where it is asked for.',
  },
  'MCP-WAIT': {
    source: 'issue 10, Surface',
    behaviour:
      'A client that cannot subscribe waits for a change with the same rights and evidence, one call at a time: unchanged is told from no data, a lost value and an alert are changes, and nothing between two calls is missed.',
  },
  'MCP-PROMPTS': {
    source: 'issue 10, Surface',
    behaviour:
      'A prompt names what must not be done, points to resources and copies no data; its arguments are completed as the caller may see them, and nothing else gets into its words.',
  },
  'MCP-SCHEMAS': { source: 'issue 10, Proof', behaviour: 'What a tool answers is what its output schema says, without a field beside it.' },
  'MCP-FINGERPRINT': {
    source: 'issue 10, Surface',
    behaviour: 'The status of the hub names the SHA-256 over names, descriptions and schemas of its tools.',
  },
  'MCP-TOKENS': {
    source: 'issue 10, Surface',
    behaviour: 'An answer of a tool keeps to its ceiling of tokens: what does not fit is cut, and the answer says so.',
  },
  'MCP-GATED': { source: 'mcp.md §2.5', behaviour: 'Subscriptions are authorised, filtered, bounded, and end with the right to them.' },
  'MCP-RESOURCES': {
    source: 'issue 10, Surface',
    behaviour:
      'Vital signs, trends, alerts, gaps, wards, worklists and FHIR Observations are read by their URIs through the one door, filtered and masked like every answer; a URI that means nothing is told from one of whom the caller may not see.',
  },
  'MCP-FLEET': {
    source: 'issue 10, Surface',
    behaviour:
      'What of gateways and devices lives is told in numbers to whoever may open a session, one by one to roles that may read the status, naming nobody, and of one device as far as the caller may see its patients.',
  },
  'FOLLOW-TOPICS': {
    source: 'issue 10, Surface',
    behaviour:
      'Whoever subscribes to a resource is told of the changes that concern it and of no others; what cannot be subscribed to says so, with what to do.',
  },
  'FOLLOW-GROUPS': {
    source: 'issue 10, Surface',
    behaviour:
      'One subscription tells of a whole ward or panel: of everybody there whom the caller may see at that moment, and of who came and went; a group of which it may see nobody looks like none.',
  },
  'ALERTS-TOLD': {
    source: 'issue 10, Surface',
    behaviour:
      'That a device told of an alert, or that data will never come, is told to whoever follows that patient’s alerts or gaps; an alert at once.',
  },
  'TOKEN-CHECKED': {
    source: 'issue 8, Who; RFC 9068 §4, RFC 8707',
    behaviour:
      'An access token counts only with a signature of its own issuer by an algorithm of the list, for this service, of the configured type, in its time, and with subject and client.',
  },
  'TOKEN-ATTACKS': {
    source: 'issue 8, Proof; RFC 8725',
    behaviour:
      'Tokens that are unsigned, signed with a public key for a secret, bring their own keys, are for another service or of another issuer, are no access tokens, or are odd in any claim, are refused, and nothing of them is repeated.',
  },
  'TOKEN-SCOPES': {
    source: 'issue 8, Who; SMART App Launch 2.2',
    behaviour: 'A token opens what its scopes of SMART say and nothing else; a scope that is not understood opens nothing.',
  },
  'TOKEN-WITHHELD': {
    source: 'issue 8, Who',
    behaviour:
      'Where a token hides what is measured, the answer names what it hides and gives no time of it: a chart that is hidden never reads as an empty one. The evidence says so, too.',
  },
  'TOKEN-SHAPES': {
    source: 'issue 8, Who; mcp.md §5',
    behaviour: 'Tokens as Keycloak, Entra ID and Okta issue them are read by configuration alone.',
  },
  'ISSUER-KEYS': {
    source: 'issue 8, Who',
    behaviour:
      'Keys of an issuer come from a file, or over the overlay with TLS within; new ones are found when a token needs them, the last good ones count for a day, and private or shared ones are refused.',
  },
  'CALLER-PROVES': {
    source: 'issue 8, Who',
    behaviour:
      'A caller is let in by what its row needs, identity, token or both of one row: of people both unless told; a stolen token alone or a stolen identity alone opens nothing.',
  },
  'TOKEN-CHALLENGE': {
    source: 'issue 8, Who; RFC 9728, RFC 6750 §3',
    behaviour:
      'Whoever lacks a token, or a scope, is told where to get it and which: 401 and 403 with WWW-Authenticate, and a metadata document.',
  },
  'RIGHTS-END-STREAMS': {
    source: 'issue 8, Who',
    behaviour:
      'Expiry of a token or row, a revocation and a changed row end what is open within a second, though nothing is asked meanwhile.',
  },
  'MCP-ERRORS-COUNTED': {
    source: 'issue 8, Who',
    behaviour:
      'A connection of an AI client counts as failed where it ends before an answer or for any other cause than that its client closes it.',
  },
  'ACCESS-HIDDEN': {
    source: 'issue 8, Proof: id guessing',
    behaviour: 'That nobody is there is answered at the same beat whether nobody is or the patient is out of reach.',
  },
  'OVERLAY-FIRST-DIAL': {
    source: 'issue 8: first dial right after opening',
    behaviour:
      'A dial waits for the first attempt to connect, which a program that opens its overlay may not have waited for, and no longer.',
  },
  'CLIENT-TOKEN': {
    source: 'issue 8, Who',
    behaviour:
      'The example program shows its identity and a token out of a file that others cannot read, as it is now at each request, and is let in where its row needs both.',
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
  'REGISTRY-PLAIN': {
    source: 'issue 8, Who',
    behaviour:
      'registry.yaml and policy.yaml mean what they look like: no anchor, alias or lost key, and no two beds or devices of a gateway that look the same.',
  },
  'REVOCATIONS-STAND': {
    source: 'issue 8, Who',
    behaviour:
      'What is revoked stays so until the hub ends, whatever a registry that is read meanwhile leaves out; files that are being written are waited for; a revocation of no issuer is an error.',
  },
  'REGISTRY-RECORDED': {
    source: 'issue 8, Who',
    behaviour:
      'What a registry gives, takes or changes of clients, gateways, groups and tokens stands in the evidence before it is in force.',
  },
  'MASK-ALLOW-LIST': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2) and (e)(2)',
    behaviour:
      'Whoever is masked is shown what was decided on, field by field: a new field is hidden, and so is every text, and every number, that no table of ours knows.',
  },
  'MASK-PSEUDONYMS': {
    source: 'issue 8, Masking; 45 CFR 164.514(c)',
    behaviour:
      'Whoever is masked knows patients, devices and observations by names made of a secret: the same every time, others for every principal, tenant and profile, and understood from their own principal alone.',
  },
  'MASK-TIMES': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2)(i)(C)',
    behaviour:
      'Whoever is deidentified gets no real time: those of a patient are shifted by a secret number of whole days, differences and time of day stay, and what it asks for by such a time is found.',
  },
  'MASK-CORPUS': {
    source: 'issue 8, Masking; 45 CFR 164.514(b)(2)(i)',
    behaviour:
      'Of a hospital whose every field holds an identifier of one of the eighteen kinds, none leaves by any output for whoever is masked, denied or a stranger, nor by logs, metrics, errors or evidence; an output that is not looked at fails the test.',
  },
  'CONFIG-ERRORS-HELP': { source: 'README', behaviour: 'A configuration error names line, path, what was expected and the nearest key.' },
  'LOG-CLEAN': { source: 'DEVELOPERS, Patient data', behaviour: 'Patient data and secrets never reach a log or an error text.' },
  'IMPORT-DIRECTIONS': {
    source: 'architecture §2',
    behaviour: 'agent and hub never import each other; shared imports neither; devices and framing import nothing but shared.',
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
  'TREND-BUCKETS': {
    source: 'issue 7, Store; architecture §3.10',
    behaviour: 'A trend has least, greatest, mean, last and number of each bucket; late data lie where their sort time puts them.',
  },
  'TREND-APART': {
    source: 'issue 7, Store',
    behaviour: 'A trend never joins two devices, vital signs (sites, methods), or test data with real ones; a change of device is told.',
  },
  'TREND-EXCLUDED': {
    source: 'issue 7, Store; architecture §3.3',
    behaviour: 'What a trend leaves out of its numbers is counted with its reason, bucket by bucket.',
  },
  'TREND-COVERAGE': {
    source: 'issue 7, Store',
    behaviour:
      'Each bucket says in which share of its time a value was current; one that has not ended says so, and its share is of what has passed.',
  },
  'TREND-GAPS': {
    source: 'architecture §3.4',
    behaviour: 'Data that will never arrive are told to whoever reads that stretch.',
  },
  'CORRECTION-REPLACES': {
    source: 'issue 7, Store',
    behaviour: 'A corrected value takes the place of what its sender sent before of the same measurement.',
  },
  'VERSIONS-KEPT': {
    source: 'issue 7, Store',
    behaviour: 'Every version of a measurement is kept, in order of storing, with which one stands.',
  },
  'RETENTION-ROLLUP': {
    source: 'issue 7, Store',
    behaviour:
      'Readings that are removed leave rollups behind in the same commit: a trend over whole minutes says the same before and after.',
  },
  'PRELIMINARY-ONCE': {
    source: 'issue 7, Store; HL7 v2.6 table 0085',
    behaviour: 'A preliminary value and its final one of the same measurement count once: the final one, in whatever order they come.',
  },
  'RETENTION-KEYS': {
    source: 'issue 7, Store; architecture §3.2',
    behaviour:
      'The keys of what was removed stay known: a row sent again is held, a part that was never stored is stored, and what was received later than all that was removed is refused.',
  },
  'RETENTION-CURRENT': {
    source: 'issue 7, Store',
    behaviour: 'What is current is never removed, however old; once it is not, it goes.',
  },
  'RETENTION-CLASSES': {
    source: 'issue 7, Store',
    behaviour:
      'Each class is kept for as long as the policy says; what stays of a batch can still be read, and the evidence is never touched.',
  },
  'RETENTION-PARTITIONS': {
    source: 'issue 7, Store: partitions by time',
    behaviour:
      'A partition of PostgreSQL that the retention left empty is dropped, once nobody reads what was in it; readers and writers go on meanwhile.',
  },
  'RETENTION-SMALL-STEPS': {
    source: 'issue 7, Store',
    behaviour: 'The retention works in small steps, between which others write; a clock that leapt ahead removes little.',
  },
  'STORE-VERIFIED': {
    source: 'issue 7, Store',
    behaviour: 'verify recomputes what the store keeps twice and names each disagreement by code.',
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
  'CAPTURE-BLANKED': {
    source: 'architecture §3.6',
    behaviour: 'A capture holds no identifier, name or text of a patient unless it was told to, however the stream is cut.',
  },
  'REPLAY-MARKED': {
    source: 'HL7 table 0103, FHIR v3-ActReason HTEST',
    behaviour: 'Whatever is played back from a capture is marked as test data, and a damaged capture is refused.',
  },
  'ALERTS-RELAYED': {
    source: 'IHE PCD TF-2, PCD-04',
    behaviour: 'Alerts of devices reach the hub as the device stated them, what it did not state as unknown, and never as vital signs.',
  },
  'GAPS-TOLD': {
    source: 'architecture §3.4, §4',
    behaviour:
      'What was measured and will never arrive reaches the hub as a gap, with its reason and extent, and is shown for the patient of that time alone.',
  },
  'GATEWAYS-FAIR': {
    source: 'architecture §4; peers.md §2',
    behaviour:
      'A gateway that floods the hub waits for itself: each is held to its rate, batches of all have their turn gateway by gateway, and nothing of it is lost.',
  },
  'QUARANTINE-BOUNDED': {
    source: 'architecture §3.4, §3.5',
    behaviour: 'What the hub keeps of one gateway in quarantine is bounded; what goes is the oldest, and is counted and told.',
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
  'SETTINGS-APART': {
    source: 'devices.md §2.1, IHE PCD TF-2 (OBX-17)',
    behaviour: 'What is set on a device is never a vital sign: a known setting is read as one, every other is left aside and counted.',
  },
  'DEVICES-DESCRIBED': {
    source: 'IHE PCD TF-2 appendix A, FHIR R4 Device and DeviceMetric',
    behaviour:
      'What a device is made of reaches the hub where it is asked for, once and at every change, and says nothing about a patient.',
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
  'WAVES-WHOLE': {
    source: 'FHIR R4 datatypes, SampledData',
    behaviour: 'Samples of a wave reach the hub each as it was, a missing one as missing, and never as vital signs.',
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
  'MOVEMENTS-WHOLE': {
    source: 'architecture §3.9',
    behaviour: 'A movement is read whole or refused: half of one would move somebody wrongly.',
  },
  'MOVEMENTS-LISTED': {
    source: 'architecture §3.8',
    behaviour: 'Only a gateway that the registry lists for it may tell who lies where.',
  },
  'DECODE-STABLE': {
    source: 'README, Commands',
    behaviour: 'vitalmesh-agent decode prints Observations on stdout and one JSON line per rejected part on stderr.',
  },
  'PACKAGE-WORKS': { source: 'architecture §2', behaviour: 'The packed package installs into an empty folder and its commands run.' },
  'MEMORY-LOADED': {
    source: 'architecture §6',
    behaviour:
      'A process loads what its configuration needs: drivers, overlay, commands and the certificate library only where they are used.',
  },
  'LAUNCHER-NODE': {
    source: 'OPERATIONS (exit codes)',
    behaviour:
      'A Node that cannot be run is told as one line before anything becomes it, and a program that a signal ended leaves 128 and the signal.',
  },
  'MEMORY-LAUNCHER': {
    source: 'architecture §6',
    behaviour: 'The commands run as one process, whose heap has the limits of bin/flags.json unless NODE_OPTIONS says otherwise.',
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
  'NO-CLOCK-RETIMED': {
    source: 'issue 9, What is current; ARCHITECTURE.md, rule 10',
    behaviour:
      'What a gateway receives before it knows the time is kept by the boot and the time since its start, waits, and gets the time at which it truly was received before it is first sent, over restarts and power cuts within that boot; what may have been sent is never changed.',
  },
  'NO-CLOCK-BOUNDED-TIME': {
    source: 'issue 9, What is current; ARCHITECTURE.md, rule 10',
    behaviour:
      'What was received in a boot that ended before the time was known is sent in its order, as early as it can have been, marked clock and memory: nobody takes it for current.',
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
  'DEMO-CLINICAL': {
    source: 'issue 9, Done means',
    behaviour:
      'The demo shows in plain words a transfer that is told late, with what was corrected, a probe that falls silent, whose value is stale, and a weight that is doubtful; and it says that it is a sandbox.',
  },
  'DEMO-CALLERS': {
    source: 'issue 8, Done means',
    behaviour:
      "npm run demo shows one patient as a nurse's agent, a masked research agent and a refused stranger get it, verifies the evidence, and fails where one of these is not as it should be.",
  },
  'SIMULATOR-PER-DIALECT': {
    source: 'issue 6',
    behaviour: 'Each dialect has a simulated device that behaves as the real one and makes its mistakes on demand.',
  },
  'SIMULATION-IS-TEST': {
    source: 'issue 6, devices.md §2.1',
    behaviour: 'Everything that a simulated device sends is marked as a test where its format has a place for that, and names nobody.',
  },
  'TEST-MARKED': {
    source: 'issue 8: simulated values',
    behaviour:
      'A simulated device whose format cannot mark a test says so, and `test: true` of its source marks everything of it and nothing of others.',
  },
  'SIMULATED-FAULTS': {
    source: 'issue 6',
    behaviour: 'Of a sender that makes a mistake nothing is lost that it keeps, nothing is stored twice, and each part has its reason.',
  },
  'QUARANTINE-REPLAYED-ONCE': {
    source: 'issue 7',
    behaviour:
      'What is replayed out of quarantine is sent exactly once, with its own time, patient and mark of a test, whenever the agent is killed; what cannot be taken stays.',
  },
  'PART-AGAIN': {
    source: 'issue 7, Outbox',
    behaviour:
      'A wave, an alert and what was refused up to the next patient are kept with what gives them their meaning: read again by what was mended, they give what the whole message would have, once, and nobody else.',
  },
  'ROW-AGAIN': {
    source: 'issue 7, Outbox',
    behaviour:
      'A rejected row of an HL7 message is kept with what gives it its meaning: read again by a mended profile, it gives its own reading, of the patient, bed, device and time of then, and nothing of its neighbours.',
  },
  'OUTBOX-GAP-SHOWN': {
    source: 'issue 7, Outbox',
    behaviour: 'The operator is told of each gap that waits why data are missing, which, and of which period, and never whose.',
  },
  'QUARANTINE-BLANKED': {
    source: 'issue 7',
    behaviour:
      'Quarantine is listed without content and shown without names and numbers unless asked for; who looked or dropped is logged.',
  },
  'PLACES-CHANGED-REFUSED': {
    source: 'issue 9, Who is this',
    behaviour:
      'What was decided by another version of who lies where than the store has is not stored, whole, and costs no other batch; what movements change is kept in their own commit.',
  },
  'PERSON-ONE-ID': {
    source: 'issue 9, Who is this: patient key',
    behaviour:
      'A person as a hospital numbers it (tenant, authority, value) has one opaque public id, for good, however often and from wherever it is asked for.',
  },
  'NOBODY-UNSEEN': {
    source: 'issue 9, Who is this: shown under no patient',
    behaviour:
      'What is nobody’s for sure is kept, counted, and given out under no patient, in no list and in no export but one that asks for it by its bed.',
  },
  'PLACED-ROWS-FOLLOW': {
    source: 'issue 9, Late movements re-apply',
    behaviour:
      'Rows that a movement gives to somebody else become theirs, those of the window, bed and named person and no other; what is current, what stands and what is counted of both is what it would be had they come for them.',
  },
  'AMEND-VOID': {
    source: 'issue 9, Corrections',
    behaviour:
      'What an operator sets to entered-in-error counts for nothing that follows of it, keeps its history, and says so in every reading out of the store; so do all versions of the same measurement.',
  },
  'AMEND-REASSIGN': {
    source: 'issue 9, Corrections',
    behaviour:
      'Readings that an operator gives to another patient are theirs with all that follows of it; both patients’ readers are told that it was corrected, and movements leave them alone until that is undone.',
  },
  'AMEND-UNDO': {
    source: 'issue 9, Corrections',
    behaviour:
      'What an operator decided about readings can be undone, in any order: they stand, and are whose they would be, as if it had never been decided.',
  },
  'AMEND-MERGED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Readings that an operator gave to a number follow its person when the number is merged into another, with what comes late, what was decided of the number holds for whom it goes by, and both are as before once the merge is ended.',
  },
  'AMEND-RECKONED': {
    source: 'issue 9, Corrections',
    behaviour:
      'What is due, the gain of weight, what is usual of a person and NEWS2 are of the readings that count and of whom they are, as soon as an operator voids them, gives them away or takes that back.',
  },
  'AMEND-LATE': {
    source: 'issue 9, Corrections',
    behaviour:
      'What comes late of a stretch, or as another version of a measurement, about which an operator decided follows that at once.',
  },
  'AMEND-ORDER-FREE': {
    source: 'issue 9, Corrections and Proof',
    behaviour: 'Readings and decisions about them lead to the same state in whatever order they come and are carried out.',
  },
  'AMEND-REFUSED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Nothing is given to a patient who is not known, was erased or has it already; what is not kept row by row, or is nobody’s, is not decided about one by one.',
  },
  'AMEND-ERASED': {
    source: 'issues 6 and 9',
    behaviour:
      'Decisions about readings name nobody who was erased; what would come to them is not stored, and undoing gives them nothing back.',
  },
  'AMEND-COMMANDS': {
    source: 'issue 9, Corrections',
    behaviour:
      'An operator voids readings or gives them to another patient, for a reason of a list and with a note that is sealed, while the hub runs or not; what was, when, by whom and why, and who had been shown it, can be shown; all of it is decided by the policy and recorded.',
  },
  'AMEND-HELD': {
    source: 'issues 6 and 9',
    behaviour:
      'Of somebody under legal hold no reading is given away, under whichever of their numbers, nor given on by whoever it was given to; what is void of them stays, with its history.',
  },
  'AMEND-RESUMED': {
    source: 'issue 9, Corrections',
    behaviour:
      'Correcting readings, or undoing it, that is cut off at any point goes on at the next start: no row is lost, doubled, or left otherwise than was decided.',
  },
  'CORRECTION-ORDER-FREE': {
    source: 'issue 9, Corrections',
    behaviour:
      'What a device corrects or takes back leads to the same state whether that comes before or after it, and before or after a movement, a merge or an operator made it another patient’s.',
  },
  'AMEND-ROLLED-UP': {
    source: 'issue 9, Corrections',
    behaviour: 'Where readings of a stretch were rolled up, what was rolled up is flagged as doubtful and the decision says of how many.',
  },
  'REASSIGN-RESUMED': {
    source: 'issue 9, Late movements re-apply',
    behaviour:
      'Moving rows that is cut off at any point goes on at the next start: no row is lost, doubled, or left with whom it is not of.',
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
  'ERASE-BATCH-OF-TWO': {
    source: 'issue 8, evidence: GDPR; rows that follow movements',
    behaviour:
      'Rows that came together and are of several people by now: who is erased goes alone, and every row and resource of the others stays.',
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
  'DEVICE-PAGES': {
    source: 'issue 6',
    behaviour: 'Each profile has a page made of the tables, whose configuration is valid, and which is not out of date.',
  },
} as const satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof REQUIREMENTS;

/** Says which requirements the surrounding test proves. Read as text by test/requirements.test.ts; does nothing at run time. */
export function verifies(..._ids: RequirementId[]): void {
  // Citing is the effect.
}
