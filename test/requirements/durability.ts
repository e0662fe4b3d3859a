import type { Requirement } from './requirement.ts';

/** Of outbox, uplink, ingest and store. */
export const DURABILITY = {
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
  'STORE-INDEX-DENSE': {
    source: 'issue 7, Figures',
    behaviour:
      'The index of series keeps its pages full when values come in order of time, finds the best of a series without walking it, and is made anew in a store that had another.',
  },
  'STORE-SHARED': {
    source: 'issue 7, Store',
    behaviour: 'Hubs that share a database store each row once, in one order and one chain of evidence, whichever of them it comes to.',
  },
  'STORE-SHARED-FEED': {
    source: 'issue 7, Store',
    behaviour:
      'What one hub stores, alerts and gaps too, the clients of the others are told of; what was missed while the line was lost is told after it.',
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
  'STORE-FAILOVER': {
    source: 'issue 7, Store',
    behaviour:
      'A standby of the database that takes over begins an epoch: what it lacks of what was acknowledged comes again from the gateways, and no hub needs a start.',
  },
  'STORE-STANDBY-AWAY': {
    source: 'issue 7, Store',
    behaviour:
      'While a synchronous standby is away nothing is answered for, by a code and within bounds; a commit that the server gives up waiting for is not answered for either.',
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
  'AUDIT-CHAINED': {
    source: 'architecture §3.8, peers.md §5',
    behaviour: 'The evidence stands in the same commit as its effect, can only be added to, and every change to it is found.',
  },
  'PUT-BACK-NOBODYS': {
    source: 'issue 7',
    behaviour:
      'A store that went back without a restore makes the stretch without bindings that a restore makes, once, as soon as a gateway or a hub knows of what it lost.',
  },
  'UNBOUND-PLACES': {
    source: 'issue 7',
    behaviour:
      'Which beds a gateway named that are bound to nobody is shown to operators of the hub’s machine, bounded in number, and stands in no log.',
  },
  'OVERLAY-BULK-MEMORY': {
    source: 'architecture §6; openziti-wire.md §10.1',
    behaviour: 'Memory of bulk is freed as soon as it is written or read, and never while a frame that somebody still has lies in it.',
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
  'BACKUP-ONLINE': {
    source: 'issue: online backup',
    behaviour: 'A copy of a file that is written to holds every commit up to the position it states, none in part, and opens.',
  },
  'BACKUP-SEALED': {
    source: 'issue: online backup; RFC 9180',
    behaviour:
      'A backup opens with the recovery key of one of its recipients alone, none is made without one, and a changed byte is found.',
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
  'COVERAGE-BY-LIMIT': {
    source: 'issue 9, What is current; ARCHITECTURE.md, Ingest',
    behaviour:
      'Of what was rolled up it is kept where values lay, so that the coverage of a trend goes by the limit of age that is in force for the patient when it is read.',
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
  'MEMORY-LOADED': {
    source: 'architecture §6',
    behaviour:
      'A process loads what its configuration needs: drivers, overlay, commands and the certificate library only where they are used.',
  },
  'MEMORY-LAUNCHER': {
    source: 'architecture §6',
    behaviour: 'The commands run as one process, whose heap has the limits of bin/flags.json unless NODE_OPTIONS says otherwise.',
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
} as const satisfies Record<string, Requirement>;
