/** One row of the error table: what an operator reads, and what they can do. Neither ever holds a patient's data. */
export interface ErrorEntry {
  /** What happened, in one sentence. */
  message: string;
  /** What to do about it. */
  advice: string;
  /** True when the same call may succeed later without anybody changing anything. */
  retryable: boolean;
}

/** Every coded error of Vitalmesh, grouped by area. HL7 ERR, MCP and HTTP codes are derived from these at the edge. */
export const ERRORS = {
  // Configuration and commands
  'CONFIG-UNREADABLE': {
    message: 'The configuration file cannot be read.',
    advice: 'Check the path and that this user may read it.',
    retryable: false,
  },
  'CONFIG-YAML': { message: 'The configuration file is not valid YAML.', advice: 'Correct the line named.', retryable: false },
  'CONFIG-INVALID': {
    message: 'The configuration has errors.',
    advice: 'Correct the lines named; --print-schema prints what is allowed.',
    retryable: false,
  },
  USAGE: { message: 'The command was called in a way it does not know.', advice: 'See --help.', retryable: false },
  INTERNAL: {
    message: 'A defect in Vitalmesh.',
    advice: 'Please report it with the code and the log lines around it; they hold no patient data.',
    retryable: false,
  },

  // Decoding
  'DECODE-PROFILE': {
    message: 'There is no such decoding profile.',
    advice: 'vitalmesh-agent decode --list names them.',
    retryable: false,
  },
  'DECODE-OVERSIZED': {
    message: 'A frame or message is larger than the limit of its source.',
    advice: 'Check the device, or raise maxFrameBytes of the source.',
    retryable: false,
  },
  'DECODE-GARBAGE': {
    message: 'Bytes that belong to no frame were skipped.',
    advice: 'Check line settings, cabling and the profile.',
    retryable: false,
  },
  'DECODE-TRUNCATED': {
    message: 'The stream ended inside a frame.',
    advice: 'The device or link was cut off; what came before is kept.',
    retryable: false,
  },
  'DECODE-CHECKSUM': { message: 'A frame has a wrong checksum.', advice: 'Check cabling and line settings.', retryable: false },
  'DECODE-JSON': { message: 'A payload is not valid JSON.', advice: 'Check the sender.', retryable: false },
  'DECODE-FIELD': {
    message: 'A field of a reading is missing or has the wrong form.',
    advice: 'Check the profile or mapping against the device.',
    retryable: false,
  },
  'DECODE-UNIT': {
    message: 'A unit is unknown or cannot be converted to the unit of this vital sign.',
    advice: 'Set the unit on the device, or map it.',
    retryable: false,
  },
  'DECODE-UNKNOWN-CODE': {
    message: 'A measurement code is not in the parameter table.',
    advice: 'The value is kept in quarantine; ask for the code to be added.',
    retryable: false,
  },
  'DECODE-DROPPED': {
    message: 'The mapping says that this is no measurement of a patient.',
    advice: 'Nothing needs to be done; change `drop` of the mapping if it is one.',
    retryable: false,
  },
  'DECODE-DEVICE-UNKNOWN': {
    message: 'The message is from a device that this source does not list.',
    advice: 'Add the device to the source if it belongs here.',
    retryable: false,
  },
  'DECODE-TIME': { message: 'A time cannot be read.', advice: 'Check the zone and clock of the device.', retryable: false },
  'MAPPING-INVALID': { message: 'A mapping has errors.', advice: 'Correct the fields named.', retryable: false },

  // HL7 v2
  'HL7-NO-MSH': {
    message: 'The message does not begin with an MSH segment.',
    advice: 'Check that the sender speaks HL7 v2.',
    retryable: false,
  },
  'HL7-SEPARATORS': {
    message: 'MSH-1 and MSH-2 name separators that cannot be ones.',
    advice: 'Set five different characters that are no letters, digits, blanks or signs of numbers; the usual ones are |^~\\&.',
    retryable: false,
  },
  'HL7-VERSION': {
    message: 'MSH-12 names an HL7 version that is not read here.',
    advice: 'Versions 2.1 to 2.8 are read; set one of them on the sender.',
    retryable: false,
  },
  'HL7-TYPE': {
    message: 'MSH-9 names a message type that is not read here.',
    advice: 'See vitalmesh-agent decode --list for the profiles and what each reads.',
    retryable: false,
  },
  'HL7-EVENT': {
    message: 'MSH-9 and EVN-1 name different events.',
    advice:
      'Where both come down to the same, MSH-9 counted and nothing is lost; a message in which they contradict each other was refused. Let the interface engine write both alike, or leave EVN-1 empty.',
    retryable: false,
  },
  'HL7-CHARSET': {
    message: 'MSH-18 names a character set that is not known.',
    advice: 'Set ASCII, 8859/1 or UNICODE UTF-8 on the sender.',
    retryable: false,
  },
  'HL7-VALUE-TYPE': {
    message: 'An OBX has a value type that is not read here.',
    advice: 'Numbers (NM, SN) are read; texts, codes and waveforms are counted and left out.',
    retryable: false,
  },
  'HL7-SETTING': {
    message: 'A setting of a device that is not in the parameter table was left aside; it is no measurement.',
    advice: 'Nothing is to be done; it is only counted.',
    retryable: false,
  },
  'HL7-ASIDE': {
    message: 'A row that this dialect says is no measurement was left aside.',
    advice: 'Nothing is to be done; it is only counted.',
    retryable: false,
  },
  'HL7-WAVE': {
    message: 'How often a wave was sampled is not said, or something is said that could change its samples.',
    advice: 'The wave was refused; have the sender say MDC_ATTR_SAMP_RATE, or give samplesPerSecond in a dialect file.',
    retryable: false,
  },
  'HL7-PATIENT-LOST': {
    message: 'Nothing says any more which patient this connection is about: what may have said so could not be read.',
    advice: 'Nothing is taken before the sender names its patient again; a new connection makes it do so.',
    retryable: false,
  },
  'HL7-SEGMENT': { message: 'A segment cannot be read.', advice: 'The other segments were kept; check the sender.', retryable: false },

  'HL7-DUPLICATE-ID': {
    message: 'A sender gave the name of an earlier message (MSH-10) to another one; both were stored.',
    advice: 'Nothing is lost. If it repeats, the sender does not number its messages as its profile says; please report it.',
    retryable: false,
  },

  // Sources
  'SOURCE-OPEN': {
    message: 'A source could not be opened.',
    advice: 'Check path, address and permissions; it is tried again.',
    retryable: true,
  },
  'SOURCE-LOST': {
    message: 'A source was lost.',
    advice: 'Check cable, power and network; it is opened again by itself.',
    retryable: true,
  },
  'SOURCE-RETAINED': {
    message: 'A retained MQTT message was left out, because its values are old.',
    advice: 'Publish measurements without the retain flag.',
    retryable: false,
  },
  'SOURCE-TLS': {
    message: 'A device was reached, and TLS with it failed.',
    advice: 'Check who issued the certificates of both ends, their names and times; it is tried again.',
    retryable: true,
  },
  'SOURCE-CERTIFICATE': {
    message: 'The certificate of a source cannot be used: it is out of its time, or does not fit its key.',
    advice: 'Put a new certificate and its key (PEM) in place of the files; they are read anew by themselves.',
    retryable: true,
  },
  'SOURCE-CREDENTIALS': {
    message: 'A credentials file of a source is missing, empty or readable by others.',
    advice: 'It must hold one line and have mode 0600.',
    retryable: false,
  },

  // Captures
  'CAPTURE-SOURCE': {
    message: 'The bytes of this source cannot be captured or played back in that way.',
    advice: 'Sources of HL7 and serial devices are captured; where it is not known where names stand, only --with-identifiers can.',
    retryable: false,
  },
  'CAPTURE-BUSY': {
    message: 'As many captures as there may be are under way.',
    advice: 'Wait until one of them has ended.',
    retryable: true,
  },
  'CAPTURE-FILE': {
    message: 'The file of a capture cannot be written or read.',
    advice: 'Choose another path; an existing file is never overwritten.',
    retryable: false,
  },
  'CAPTURE-DAMAGED': {
    message: 'The file is no capture, or was cut off or changed.',
    advice: 'Make a new one; a capture is played back as a whole or not at all.',
    retryable: false,
  },

  // Outbox and storage
  'STORAGE-LOCKED': {
    message: 'Another process already uses this file.',
    advice: 'Stop the other process, or give this one its own file.',
    retryable: false,
  },
  'STORAGE-KEY': {
    message: 'The file cannot be opened with this key.',
    advice:
      'Put back the key that the file was made with, or got by its last rekey; a new file is never made over an old one. Without that key, at a hub: restore a backup with its recovery key. At an agent, which has neither: rename the outbox to its name and .damaged-20261122T030000Z (the time, UTC), its -wal alike, move the key away, and start: what had not been delivered is lost, and a gap says so for each source.',
    retryable: false,
  },
  'STORAGE-KEY-FILE': {
    message: 'The key file is missing, malformed or readable by others.',
    advice:
      'It must hold 32 bytes as 64 hexadecimal digits and have mode 0600. Put a missing one back from where keys are kept: a new one would not open the file that is there, so none is made. Where there is none any more, do as for STORAGE-KEY (OPERATIONS.md).',
    retryable: false,
  },
  'STORAGE-DAMAGED': {
    message: 'The file is damaged.',
    advice: 'Set it aside, with what begins with its name, and restore it from a backup (hub: vitalmesh-hub restore).',
    retryable: false,
  },
  'STORAGE-SCHEMA': { message: 'The file was written by a newer version.', advice: 'Use that version, or a newer one.', retryable: false },
  'STORAGE-FULL': { message: 'The disk is full.', advice: 'Free space; nothing is acknowledged until then.', retryable: true },
  'STORAGE-OPEN': {
    message: 'The file cannot be opened or created.',
    advice: 'Check the path, the folder and their permissions.',
    retryable: false,
  },
  'STORAGE-IO': {
    message: 'The disk gave an error.',
    advice: 'Check the disk; nothing is acknowledged until the file was opened anew.',
    retryable: true,
  },
  'STORAGE-THREAD': {
    message: 'The thread that writes the file has ended.',
    advice: 'It is begun anew by itself, and nothing is acknowledged until then; if it ends again and again, see whether memory runs out.',
    retryable: true,
  },
  'STORAGE-ROWS-LOST': {
    message: 'Rows that were stored are no longer in the file.',
    advice: 'Its log was lost or damaged, or an older copy was put back; the devices were told that they were stored. See who touched it.',
    retryable: false,
  },
  'STORAGE-URL': {
    message: 'The file with the URL of the database is missing, malformed or readable by others.',
    advice:
      'It must hold postgres://ROLE:PASSWORD@HOST:PORT/DATABASE on one line and have mode 0600. Without TLS only a Unix socket or this machine is taken; see README, PostgreSQL.',
    retryable: false,
  },
  'STORAGE-REMOTE': {
    message: 'The database server cannot be reached, or gave up the connection.',
    advice: 'Check that PostgreSQL runs and takes connections; nothing is acknowledged until then.',
    retryable: true,
  },
  'STORAGE-REMOTE-POOLED': {
    message: 'A pooler lies between the hub and its database server.',
    advice:
      'Name the server itself in the URL file: a hub keeps nine sessions at most, and listens in one of them, which a pooler does not let it.',
    retryable: false,
  },
  'STORAGE-REMOTE-REFUSED': {
    message: 'The database server refused this role or database.',
    advice: 'Check role, password and database of the URL file, pg_hba.conf, and the rights that the owner gave.',
    retryable: false,
  },
  'STORAGE-REMOTE-UNSAFE': {
    message: 'The database server does not keep what the store promises.',
    advice: 'Change what is named on the server; see README, PostgreSQL.',
    retryable: false,
  },
  'STORAGE-BUSY': {
    message: 'The database was held by another session for too long.',
    advice: 'It is tried again. Where it lasts, see pg_stat_activity and pg_locks for who holds vitalmesh.head.',
    retryable: true,
  },
  'STORAGE-COPY': {
    message: 'The file could not be copied; the file itself is unharmed.',
    advice: 'Check path, permissions and free space of where the copy goes to, then try again.',
    retryable: true,
  },
  'STORAGE-RUNNING': {
    message: 'The running process uses this file.',
    advice: 'Stop it, give the command again, then start it.',
    retryable: false,
  },
  'STORAGE-MISSING': {
    message: 'There is no store, or an empty file in its place.',
    advice:
      'Check store.path of hub.yaml (an agent: outbox.path of agent.yaml), and the folder the command was given in. Where a store was, put its file back, or restore it from a backup (vitalmesh-hub restore). Only where all of it is to begin anew, remove the file that ends in .id beside it, and start the hub.',
    retryable: false,
  },
  'BACKUP-NO-RECIPIENT': {
    message: 'No backup without somebody who can open it: there is no recipient of its key.',
    advice:
      'Make a recovery key (vitalmesh-hub backup keygen --out FILE), keep its file away from this machine, and put what it prints under backup.recipients of hub.yaml.',
    retryable: false,
  },
  'BACKUP-FILE': {
    message: 'The file or folder of a backup, restore or key cannot be used.',
    advice: 'Mend what is named, or give another path. Nothing was made, and no file is ever written over.',
    retryable: false,
  },
  'BACKUP-KEY': {
    message: 'The recovery key cannot be read, or is not one for which this backup was made.',
    advice: 'Give the file that vitalmesh-hub backup keygen made (mode 0600) for one of the recipients of then.',
    retryable: false,
  },
  'BACKUP-DAMAGED': {
    message: 'The file is no whole backup, or was changed since it was made.',
    advice: 'Copy it again from where it was kept, or take another backup; nothing was restored.',
    retryable: false,
  },
  'BACKUP-VERSION': {
    message: 'The backup was made by a newer version.',
    advice: 'Restore it with that version, or a newer one.',
    retryable: false,
  },
  'STORAGE-CLOSED': { message: 'The file is closed.', advice: 'The process is stopping.', retryable: true },
  'VERIFY-TOTALS': {
    message: 'Counts that are kept differ from what is stored.',
    advice: 'Nothing is lost by it, but status shows wrong counts; see since when, and keep a copy of the file.',
    retryable: false,
  },
  'VERIFY-LATEST': {
    message: 'What is shown as current differs from what the stored observations say.',
    advice: 'Do not rely on current values until it is mended: stop the hub, keep a copy of the file, restore from a backup.',
    retryable: false,
  },
  'VERIFY-SEEN': {
    message: 'The keys kept as seen differ from what is stored.',
    advice: 'A row sent again could be stored twice, or be taken for held; keep a copy of the file and restore from a backup.',
    retryable: false,
  },
  'VERIFY-BATCH': {
    message: 'Observations and the batches that they came in do not fit together.',
    advice: 'Rows are missing or of no batch; keep a copy of the file and restore from a backup.',
    retryable: false,
  },
  'VERIFY-RESOURCE': {
    message: 'A stored resource cannot be read, or is not that of its row.',
    advice: 'Exports stop there; keep a copy of the file and restore from a backup.',
    retryable: false,
  },
  'VERIFY-AUDIT': {
    message: 'The chain of evidence does not hold.',
    advice: 'Entries were altered or removed by somebody who had the key; keep the file as it is and see who.',
    retryable: false,
  },
  'VERIFY-PLACING': {
    message: 'Rows that follow movements name a bed or a person that the store does not know, or another tenant has.',
    advice: 'A movement that comes late could not move them; keep a copy of the file and restore from a backup.',
    retryable: false,
  },
  'VERIFY-LINEAGE': {
    message: "The store's lineage is not in order.",
    advice: 'Agents could not tell what a restored store lacks; keep a copy of the file and restore from a backup.',
    retryable: false,
  },
  'AUDIT-KEY': {
    message: 'The key that signs the evidence cannot be read or made, or the list of its public keys cannot.',
    advice:
      'See the file that is named: an Ed25519 key (PKCS #8, PEM), mode 0600. Where it is lost, take the file away: the next start makes another one, which counts once you add its public key to the list.',
    retryable: false,
  },
  'AUDIT-NOT-EXTENDED': {
    message:
      'The evidence in the store does not go on from what this hub signed last: it was cut, written anew, or an older store was put back.',
    advice:
      'Nothing of it is signed until this is cleared. Where it was no restore, keep store and files as they are and find out who had the key of the store. After a restore say so: vitalmesh-hub audit acknowledge --alarm AUDIT-NOT-EXTENDED, which is recorded.',
    retryable: false,
  },
  'AUDIT-KEY-UNLISTED': {
    message: 'The evidence was there before the key that signs it from here on, which is not in the list of known keys.',
    advice:
      'Where the key was lost or a store moved without it, put key and list back, or add the public key that is named to the list (….audit-keys). Where nobody took them away, find out who did: the evidence may have been written anew.',
    retryable: false,
  },
  'AUDIT-NOTE-LOST': {
    message: 'What the hub keeps outside of the store of what it signed last is missing or unreadable.',
    advice:
      'Told until somebody answers for it. After a restore on another machine it is expected: vitalmesh-hub audit acknowledge --alarm AUDIT-NOTE-LOST, which is recorded. Otherwise somebody took it away: verify the evidence with what a gateway kept (--witness) first.',
    retryable: false,
  },
  'AUDIT-NOT-REMOVED': {
    message: 'Evidence that is older than it is kept is not as it was written, and is not removed.',
    advice:
      'Keep a copy of the store, run `vitalmesh-hub audit verify`, and find out who could write to it. It stays until it is as it was.',
    retryable: false,
  },
  'AUDIT-NO-HUB': {
    message: 'Only a hub that runs can do this.',
    advice: 'Start the hub, and give the command again.',
    retryable: false,
  },
  'AUDIT-NO-RESTORE': {
    message: 'No backup was put back at the entry that --known-restore names.',
    advice: 'Give the number of the entry that `vitalmesh-hub audit verify` names, or leave it out.',
    retryable: false,
  },
  'AUDIT-NO-ENTRY': {
    message: 'The evidence has no such entry.',
    advice: 'See which there are: vitalmesh-hub audit list.',
    retryable: false,
  },
  'AUDIT-NO-ALARM': {
    message: 'This alarm does not stand against the evidence.',
    advice: 'See which do: vitalmesh-hub status.',
    retryable: false,
  },
  'AUDIT-NO-FEED': {
    message: 'This hub feeds the evidence to nobody.',
    advice: 'Name a receiver under audit.feed in hub.yaml, or ask the hub that feeds.',
    retryable: false,
  },
  'AUDIT-WITNESS': {
    message: 'This is no export of a gateway with what it kept of the evidence, or it was changed.',
    advice: 'Take what `vitalmesh-agent witness export` prints at the gateway itself.',
    retryable: false,
  },
  'AUDIT-FEED-UNREACHABLE': {
    message: 'The receiver of the live feed of the evidence cannot be reached, or does not take it.',
    advice:
      'Nothing is lost: the feed goes on where the receiver surely had everything. See the address, the line and the receiver itself; who closes without answering our end confirms nothing.',
    retryable: true,
  },
  'AUDIT-FEED-TLS': {
    message: 'The receiver of the live feed of the evidence is not who it must be, or does not accept this hub.',
    advice:
      'Nothing was sent. See the authority (caFile), the name in the certificate of the receiver, its last day, and whether it wants a certificate of the hub (certFile, keyFile).',
    retryable: true,
  },
  'AUDIT-FEED-FILE': {
    message: 'The file of the live feed of the evidence cannot be written.',
    advice: 'Free space, or see to whom file and folder belong. Nothing is lost: it goes on where the file was whole.',
    retryable: true,
  },
  'AUDIT-FEED-BEHIND': {
    message: 'The live feed of the evidence is behind by more than its limits.',
    advice: 'The evidence itself is whole, in the store. See for what the feed waits; a receiver that is slow catches up by itself.',
    retryable: true,
  },
  'AUDIT-FEED-REWRITTEN': {
    message: 'The evidence in the store does not go on from what the live feed sent last: it was cut or written anew.',
    advice:
      'Keep store and receiver as they are: what the receiver got before is what was there. All of the evidence is sent again; find out who had the key of the store.',
    retryable: false,
  },
  'OUTBOX-DAMAGED-ROW': {
    message: 'A row of the outbox cannot be read.',
    advice: 'It was put in quarantine; see vitalmesh-agent status.',
    retryable: false,
  },

  'OUTBOX-FULL': {
    message: 'The outbox is full, and nothing is left in it that may be given up.',
    advice:
      'Nothing is acknowledged until the hub takes what waits. See vitalmesh-agent status why it does not; outbox.limits.maxBytes can be raised.',
    retryable: true,
  },
  'OUTBOX-NEARLY-FULL': {
    message: 'The outbox is filled to 80 percent.',
    advice:
      'What waits cannot be delivered: see vitalmesh-agent status. From 95 percent on waves are given up, then what else matters least.',
    retryable: true,
  },
  'OUTBOX-SET-ASIDE': {
    message: 'The outbox was damaged and set aside; a new one took over.',
    advice:
      'What could be read of it is in the new one, and a gap tells of the rest. See to the disk, then move the file that was set aside away.',
    retryable: false,
  },
  'OUTBOX-PLACES': {
    message: 'The list of whose data wait in the outbox is damaged, or of another key.',
    advice: 'Nothing is to be done: it is made anew out of what waits. Should it happen again, see to the disk.',
    retryable: false,
  },
  'OUTBOX-NO-ENTRY': {
    message: 'There is no such entry in the outbox.',
    advice: 'See vitalmesh-agent outbox list; it may have been replayed or dropped already.',
    retryable: false,
  },
  'OUTBOX-NOT-WHOLE': {
    message: 'These bytes do not say by themselves whose they are.',
    advice:
      'Only whole HL7 messages, and rows that were kept with what they are of, are read again; the rest stays for a bug report. Ask the sender to send it once more.',
    retryable: false,
  },
  'OUTBOX-PARTLY-SENT': {
    message: 'A part of this was stored before, and it is not known which.',
    advice: 'It is kept, and not sent again: it would be stored twice. Compare with the hub, then drop it.',
    retryable: false,
  },
  'OUTBOX-SOURCE-GONE': {
    message: 'The source that this came from is no longer in the configuration, or is of another kind.',
    advice: 'Give the source its name back, or drop the entry.',
    retryable: false,
  },

  // Identity and overlay
  'IDENTITY-FILE': {
    message: 'The identity file is missing or malformed.',
    advice: 'Point to the right file, or make one: a trial network issues them, a real one enrols them.',
    retryable: false,
  },
  'IDENTITY-MODE': { message: 'The identity file can be read by others.', advice: 'chmod 600 it.', retryable: false },
  'IDENTITY-EXPIRED': {
    message: 'A certificate is outside its time of validity.',
    advice: 'Check the clock; renew the identity.',
    retryable: false,
  },
  'IDENTITY-UNTRUSTED': {
    message: 'A certificate was not issued by the network this side belongs to.',
    advice: 'Both sides must be enrolled in the same network.',
    retryable: false,
  },
  'IDENTITY-CHAIN': {
    message: 'A certificate chain breaks a rule (CA flag, usage, path length or key use).',
    advice: 'Enrol again; if it repeats, somebody may be posing as another.',
    retryable: false,
  },
  'IDENTITY-NAME': { message: 'A certificate does not name exactly one identity.', advice: 'Enrol again.', retryable: false },
  'IDENTITY-IN-USE': {
    message: 'A running process uses this identity.',
    advice: 'It renews the certificate by itself; its status says when. Stop it first to renew by hand.',
    retryable: true,
  },
  'RENEW-NOT-OFFERED': {
    message: 'The network does not let this identity renew its certificate.',
    advice: 'Enrol it again with a new token before the certificate ends.',
    retryable: false,
  },
  'RENEW-REFUSED': {
    message: "The network's controller refused to renew the certificate; the present one stays good.",
    advice: 'Ask whoever runs the network; the detail is its own code. It is tried again by itself.',
    retryable: true,
  },
  'FABRIC-CA': {
    message: 'The certificate authority of the trial network cannot be read or written.',
    advice: 'Check the folder; an existing authority is never overwritten.',
    retryable: false,
  },
  'OVERLAY-UNREACHABLE': {
    message: 'The overlay network cannot be reached.',
    advice: 'Agent and hub try again by themselves, a command must be given again; check the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-BUSY': {
    message: "The network's controller answers that it cannot serve now.",
    advice: 'This machine reached it; it is asked again by itself, not before it said. Tell whoever runs the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-DENIED': {
    message: 'The overlay refused: no policy allows this identity to use that service in that way.',
    advice: 'Add a Dial or Bind policy for the identity.',
    retryable: true,
  },
  'OVERLAY-NO-SERVICE': {
    message: 'The overlay has no such service for this identity.',
    advice: 'Check the service name and the policies.',
    retryable: true,
  },
  'OVERLAY-NO-TERMINATOR': {
    message: 'Nobody hosts the service at the moment.',
    advice: 'Start the hub; it is tried again by itself.',
    retryable: true,
  },
  'OVERLAY-UNCONFIRMED': {
    message: 'A router has taken the service, and its controller has not confirmed it yet: no dial reaches it.',
    advice: 'Wait; the router goes on trying by itself. Look after the controller of the network if it lasts.',
    retryable: true,
  },
  'OVERLAY-TIMEOUT': {
    message: 'The overlay did not answer in time.',
    advice: 'Agent and hub try again by themselves; a command must be given again.',
    retryable: true,
  },
  'OVERLAY-CLOSED': { message: 'The overlay connection was closed.', advice: 'It is opened again by itself.', retryable: true },
  'OVERLAY-PROTOCOL': { message: 'The peer broke the protocol of the overlay.', advice: 'Check versions on both sides.', retryable: true },
  'OVERLAY-SIGN-IN': {
    message: "The network's controller refuses this identity.",
    advice: 'The identity may be disabled, deleted or enrolled again elsewhere; ask whoever runs the network.',
    retryable: true,
  },
  'OVERLAY-SESSION': {
    message: 'The network ended the session with which a service was dialled or bound.',
    advice: 'A new one is asked for by itself.',
    retryable: true,
  },
  'OVERLAY-CRYPTO': {
    message: 'End-to-end encryption of an overlay connection failed; the connection was cut.',
    advice: 'If it repeats, somebody changes the bytes on their way, or versions do not fit.',
    retryable: true,
  },
  'ENROLL-TOKEN': {
    message: 'The enrolment token is malformed, changed, or not from the network that answers.',
    advice: 'Ask for a new token, and check that the controller it names is the right one.',
    retryable: false,
  },
  'ENROLL-KIND': {
    message: 'The token is for another kind of enrolment.',
    advice: 'Use a one-time token (ott), as `ziti edge create identity NAME -o NAME.jwt` writes it.',
    retryable: false,
  },
  'ENROLL-EXPIRED': {
    message: 'The enrolment token is no longer valid.',
    advice: 'Ask for a new one; check the clock of this machine.',
    retryable: false,
  },
  'ENROLL-SPENT': {
    message: 'The controller does not take the enrolment token: it was used already, withdrawn, or has expired.',
    advice:
      'Ask for a new one. A controller says the same of a token that has expired, which this machine cannot see while its clock is slow: check it. ' +
      'If the token should be good and unused, tell whoever runs the network.',
    retryable: false,
  },
  'ENROLL-REFUSED': {
    message: 'The controller refused the enrolment.',
    advice: 'Ask whoever runs the network; the detail is its own code.',
    retryable: false,
  },
  'FABRIC-STATE': {
    message: 'The home of the embedded network cannot be used.',
    advice: 'Give --home the folder of a network, or a new one for `fabric run` to make; it must be yours, with mode 0700 and free space.',
    retryable: false,
  },
  'FABRIC-NAME': {
    message: 'The embedded network has something of that name already, or the name is not allowed.',
    advice: 'Choose another name.',
    retryable: false,
  },
  'FABRIC-ROLE': {
    message: 'A role or an attribute is not written as it must be.',
    advice: "A role in a policy is '#attribute', '#all' or '@name'; an attribute of an identity or service stands without '#'.",
    retryable: false,
  },
  'FABRIC-TOKEN-FILE': {
    message: 'The file for the enrolment token cannot be written.',
    advice: 'Choose another path with -o; an existing file is never overwritten.',
    retryable: false,
  },
  'FABRIC-UNKNOWN': {
    message: 'The embedded network has no such identity, service or policy.',
    advice: 'List them: vitalmesh fabric identity|service|policy list.',
    retryable: false,
  },
  'FABRIC-ADDRESS': {
    message: 'An address of the embedded network cannot be listened on.',
    advice: 'Choose another with --controller or --router; only loopback addresses are allowed.',
    retryable: false,
  },
  'OVERLAY-SWITCH': {
    message: 'The switch of the local overlay cannot be made.',
    advice: 'Its folder must belong to this user with mode 0700, and no other switch may run there.',
    retryable: false,
  },

  // Uplink and ingest
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
      'If it belongs to the home, put it under `adopted` of the gateway in registry.yaml (`vitalmesh-hub status` shows the line), SIGHUP, and `vitalmesh-agent outbox replay --code INGEST-NOT-ADOPTED` at the gateway; else leave it there.',
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

  // A FHIR server in the place of a hub
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

  // Registry, access, MCP
  'REGISTRY-INVALID': {
    message: 'The registry has errors.',
    advice:
      'Correct the lines named (* stands for a key of yours, such as a bed: it may be a name, and is not repeated); a running hub keeps the last ' +
      'good one in force.',
    retryable: false,
  },
  'REGISTRY-UNCHECKED': {
    message: 'The check of registry and policy did not end in time.',
    advice:
      'Send SIGHUP again when the machine has less to do. If it stays so, look at what was changed last in registry.yaml and policy.yaml; the last good ones are in ' +
      'force until then, with nothing of the change, revocations included: to lock somebody out now, disable its identity on the overlay, or stop the hub.',
    retryable: true,
  },
  'REGISTRY-TENANTS': {
    message: 'Several tenants would share one store file.',
    advice:
      'Run a hub for each tenant, each with a store file, a registry and services of its own, or keep the store in PostgreSQL, which refuses each tenant the rows of ' +
      'the others by itself. A tenant of whom data is stored counts even where the registry no longer lists it.',
    retryable: false,
  },
  'REGISTRY-MOVEMENTS': {
    message: 'Beds follow movements that are not kept for good.',
    advice:
      'Take `store.retention.movement` out of hub.yaml, or set it to `forever`, and start the hub again: who lies where is what all movements add up to. Or let no bed of registry.yaml be ' +
      '`followed`. Where movements were removed already, give the hub a census (`vitalmesh-hub patients import`).',
    retryable: false,
  },
  'AMEND-UNKNOWN': {
    message: 'No such reading is kept.',
    advice:
      'Check the id. What the retention has rolled up is no single reading any more: name the patient and the stretch instead, and what was rolled up is flagged.',
    retryable: false,
  },
  'AMEND-NOT-FOUND': { message: 'There is no such amendment.', advice: 'readings list names them.', retryable: false },
  'AMEND-LOST': {
    message: 'The store was put back, and what people decided about readings since then is gone.',
    advice:
      'What was void counts again, what was given to somebody is its first patient’s again. Decide it again (`vitalmesh-hub readings void`, `reassign`, `confirm`), then put `confirmed`, with the time of now, into the rows of the gateways of these readings in registry.yaml, and reload (SIGHUP); see OPERATIONS.md, “Readings that are wrong”.',
    retryable: false,
  },
  'AMEND-UNDONE': {
    message: 'The amendment was undone before.',
    advice: 'Nothing is left to do; readings show tells what holds.',
    retryable: false,
  },
  'AMEND-PATIENT': {
    message: 'Readings cannot become this patient’s.',
    advice: 'Name another patient who is known here, by public id: neither the one whose they are, nor one who was erased.',
    retryable: false,
  },
  'CLINICAL-INVALID': {
    message: "A file of the site's clinical rules has errors.",
    advice:
      'Correct the lines named in the file that `clinical` of hub.yaml names (* stands for a key of yours, which is not repeated); docs/clinical.md shows what it may say. A running ' +
      'hub keeps the last good one in force.',
    retryable: false,
  },
  'POLICY-INVALID': {
    message: 'The access policy has errors.',
    advice:
      'Correct the lines named in policy.yaml; `vitalmesh-hub access policy` prints the policy that is built in, to begin from. A running hub keeps the last good one ' +
      'in force.',
    retryable: false,
  },
  'ACCESS-NOT-LISTED': {
    message: 'Nobody of that id is listed.',
    advice: 'See who is: `vitalmesh-hub access list` names who may read, registry.yaml whose data they are.',
    retryable: false,
  },
  'ACCESS-DENIED': {
    message: 'This caller may not do that.',
    advice: 'Ask for a role that may; the refusal was recorded.',
    retryable: false,
  },
  'ACCESS-UNKNOWN-CALLER': {
    message: 'The registry does not know this caller.',
    advice:
      'Ask whoever runs the hub to list you in registry.yaml: the identity id of the overlay, and where you show an access token its issuer and subject.',
    retryable: false,
  },
  'ACCESS-TOKEN-NEEDED': {
    message: 'This caller must show an access token.',
    advice: 'Get one from an issuer that the service names (/.well-known/oauth-protected-resource/mcp), for its resource and scopes.',
    retryable: false,
  },
  'ACCESS-TOKEN': {
    message: 'The access token was refused.',
    advice:
      'Get a new one for this service; where that is refused as well, compare issuer, audience and type with access.issuers of hub.yaml.',
    retryable: false,
  },
  'ACCESS-TOKEN-FILE': {
    message: 'The file of the access token is not as it must be.',
    advice: 'It holds the token and nothing else, and nobody but its owner can read it: chmod 600.',
    retryable: false,
  },
  'ACCESS-SCOPE': {
    message: 'The access token is not for that.',
    advice: 'Get one with the scopes that the answer names; the refusal was recorded.',
    retryable: false,
  },
  'ACCESS-CREDENTIALS': {
    message: 'Overlay identity and access token are not those of one row of the registry.',
    advice: 'List both in the row of registry.yaml, and use the token through the identity that it was got for.',
    retryable: false,
  },
  'ACCESS-ISSUER-KEYS': {
    message: 'The keys of an issuer of access tokens cannot be had, or cannot be used.',
    advice: 'Check access.issuers of hub.yaml: the file, or the overlay service and who may dial it; the keys of before count for a day.',
    retryable: true,
  },
  'ACCESS-LIMIT': {
    message: 'This caller has asked for as much as it may for now.',
    advice:
      'Ask again after the time that the answer names (retryAfterMs). Subscribe to what is read again and again: reads of that are not counted. ' +
      'Limits of a day, and of patients who are in none of its wards and panels, stand in policy.yaml (limits).',
    retryable: true,
  },
  'ACCESS-TOO-LARGE': {
    message: 'The answer is larger than this caller may have at once.',
    advice: 'Ask for less at a time; the limits resultBytes and tokensPerCall stand in policy.yaml.',
    retryable: false,
  },
  'ACCESS-EXPIRED': { message: 'The right to do that has expired.', advice: 'Renew it in registry.yaml.', retryable: false },
  'PATIENT-BOUND': {
    message: 'The patient is still bound to something, so data would go on coming in.',
    advice:
      'Where registry.yaml names the id (beds, devices, patient and subjects of gateways, panels, patients of clients), take it out and reload (SIGHUP); whoever lies in a bed that follows movements is discharged first. Then call again.',
    retryable: false,
  },
  'PATIENT-HELD': {
    message: 'The patient is under legal hold: nothing of them may be erased.',
    advice: 'Ask whoever ordered the hold; `vitalmesh-hub patients release` ends it.',
    retryable: false,
  },
  'PATIENT-ERASED': {
    message: 'The patient was erased already.',
    advice: 'There is nothing left to be done in this store; its backups of before still hold the data.',
    retryable: false,
  },
  'PATIENT-UNKNOWN': {
    message: 'The hub knows nobody of this id: neither the store, nor its evidence, nor registry.yaml has it.',
    advice:
      'Look the id up in registry.yaml (panels, beds), or at who was asked for in the evidence (`vitalmesh-hub audit list`); ids differ by tenant.',
    retryable: false,
  },
  'PATIENT-NOT-HELD': {
    message: 'This patient is under no legal hold with this code.',
    advice: '`vitalmesh-hub patients holds` lists who is held, each hold with its code: the same code ends it.',
    retryable: false,
  },
  'PATIENT-NUMBERS': {
    message: 'The file of the numbers of a person cannot be used.',
    advice:
      'One AUTHORITY|VALUE a line, 64 at most, in a file of yours that nobody else can read (chmod 600): numbers of people do not belong on a command line.',
    retryable: false,
  },
  'PATIENT-FILE': {
    message: 'The file of an export cannot be made.',
    advice: 'Mend what is named, or give another name: no file is ever written over, and nothing is left of an export that fails.',
    retryable: false,
  },
  'PATIENT-TOMBSTONES': {
    message: 'The list of the people who were erased, beside the store, cannot be read, written or followed.',
    advice:
      'Put it back from a copy, readable by the hub alone (mode 0600). Without it a store that was put back would show people again who were erased; take it away only where the store itself is known to be newer than every erasure. Where it names somebody under legal hold: OPERATIONS.md, “A person asks for a copy”.',
    retryable: false,
  },
  'PATIENT-TOMBSTONES-ALTERED': {
    message: 'The list of the people who were erased, beside the store, is not as the hub last wrote it.',
    advice:
      'Put list and key (….erased, ….erased.key) back from your copy of both. Until then it is not followed: a store that was put back shows people again who were erased, and nobody is erased. Without a copy `vitalmesh-hub patients accept-list` goes on with what the store knows; see OPERATIONS.md, “A person asks for a copy”.',
    retryable: false,
  },
  'NOT-FOUND': { message: 'There is no such resource for this caller.', advice: 'List what there is first.', retryable: false },
  'PATIENT-BED': {
    message: 'No bed of this tenant that follows movements has this name.',
    advice:
      'Write it as registry.yaml has it (unit^room^bed), or mark it there as `followed` and reload (SIGHUP): who lies in any other bed is what registry.yaml itself says.',
    retryable: false,
  },
  'PATIENT-HAND-LOST': {
    message: 'The store was put back, and what operators said by hand of who lies where since then is gone.',
    advice:
      'No gateway tells it again. Look at who lies where (`vitalmesh-hub patients show`) and say again what was said in that time (`patients … --at TIME`), devices too; then put `confirmed`, with the time of now, into the rows of the gateways of these beds in registry.yaml, and reload (SIGHUP).',
    retryable: false,
  },
  'PATIENT-MOVEMENTS-LOST': {
    message: 'The store was put back, and not all movements of before came again.',
    advice:
      'Until they do, only what names its patient is anybody’s of those of whom nothing was said since. If the gateway of the movements is connected and nothing waits there, give the hub a census (`vitalmesh-hub patients import`), or `confirmed` in registry.yaml as for what was said by hand.',
    retryable: false,
  },
  'PATIENT-CENSUS': {
    message: 'The file is no census.',
    advice: 'Expected is CSV with the header bed,authority,number[,visit][,since], or HL7 messages of ADT^A01, in UTF-8.',
    retryable: false,
  },
  'PATIENT-UNHEARD': {
    message: 'No movement ever named a patient of this id.',
    advice:
      '`vitalmesh-hub patients show` lists who lies where. Somebody who is new is admitted by the number that the hospital gave them (--from FILE).',
    retryable: false,
  },
  'PATIENT-UNPLACED': {
    message: 'The hub does not know for sure in which bed each of both lay then.',
    advice: 'Move them one by one, with the bed of each; `vitalmesh-hub patients show --patient ID` says what is known.',
    retryable: false,
  },
  'PATIENT-DEVICE': {
    message: 'Devices of several gateways are called so.',
    advice: 'Say which is meant, with --gateway: a device is known by its gateway and the id that its messages have.',
    retryable: false,
  },
  'PATIENT-DEVICE-UNHEARD': {
    message: 'Nothing of such a device was ever heard.',
    advice:
      'Write the id as its messages have it (`vitalmesh-hub readings export` lists them). Before the first message, say it with --gateway G --unheard.',
    retryable: false,
  },
  'PATIENT-GONE': {
    message: 'The patient lay in no bed then, as far as is known.',
    advice:
      'Whoever comes (again) is admitted: `vitalmesh-hub patients admit`. Otherwise give the time at which they still lay in a bed with --at; `vitalmesh-hub patients show --patient ID` lists their stays.',
    retryable: false,
  },
  'PATIENT-STATEMENT': {
    message: 'There is nothing of this id that can be taken back.',
    advice:
      'Only what was said by hand can be, once: the command that said it printed its id. What the hospital’s system said it takes back itself; a parting of two numbers is undone by merging them.',
    retryable: false,
  },
  'PATIENT-MISTYPED': {
    message: 'A character of this patient id is wrong: it is nobody’s.',
    advice: 'Copy it from where it is listed; do not mend it by hand.',
    retryable: false,
  },
  'MCP-LIMIT': { message: 'A limit of this connection was reached.', advice: 'Close what is not needed, or wait.', retryable: true },
  'ACCESS-UNVERIFIED': {
    message: 'The network did not vouch for this caller.',
    advice: 'Call through a router that names its callers (OpenZiti 2.0 or later).',
    retryable: false,
  },
  'MCP-REQUEST': {
    message: 'The HTTP request breaks a rule of this endpoint.',
    advice: 'POST JSON to /mcp, with the service name as Host and without Origin.',
    retryable: false,
  },
  'MCP-JSON': {
    message: 'The body of a request is not JSON that is read here.',
    advice: 'Send one JSON-RPC message in UTF-8.',
    retryable: false,
  },
  'MCP-METHOD': {
    message: 'The hub does not serve this method.',
    advice: 'Ask what it serves: initialize or server/discover, tools/list, resources/list. It asks its callers nothing and runs no tasks.',
    retryable: false,
  },
  'MCP-ID': {
    message: 'The id of a request is not one that is taken here.',
    advice: 'Use a text of at most 128 characters, or a whole number below 2^53.',
    retryable: false,
  },
  'CONNECT-LISTEN': {
    message: 'The address on this machine cannot be listened on.',
    advice: 'Another program may have the port: name another one, or 0 for any that is free.',
    retryable: false,
  },
  'CONNECT-BEARER': {
    message: 'The request does not show the bearer of `vitalmesh connect`.',
    advice: 'Send `Authorization: Bearer …` with what stands in the file that --bearer names, or what the command printed.',
    retryable: false,
  },
  'MCP-SESSION': { message: 'There is no such session.', advice: 'Initialize a new one.', retryable: true },
  'MCP-CANCELLED': { message: 'The caller took its question back.', advice: 'Ask again when the answer is wanted.', retryable: false },
  'MCP-CONFORMANCE': {
    message: 'The conformance mode is for a hub that serves no people.',
    advice:
      'Run it with a registry.yaml of which every tenant is `kind: sandbox`, a store without data of others, and no `access.issuers`; `--conformance` names a client of that ' +
      'registry by its overlay identity. A hub in use is started without `--conformance`.',
    retryable: false,
  },
  'MCP-WAIT-ENDED': {
    message: 'What was waited for may not be watched any more as it was.',
    advice: 'Ask again: what this caller may see, and of whom, is decided anew.',
    retryable: true,
  },
  'MCP-VITAL': {
    message: 'There is no vital sign of this key.',
    advice: 'Find the key with describe_vital, or see with get_latest_vitals what a patient has.',
    retryable: false,
  },
  'MCP-PERIOD': {
    message: 'This is not a period that can be shown.',
    advice: 'Give either `hours`, or `from` with or without `to`; times in ISO 8601 with an offset, `from` before `to`, at most 366 days.',
    retryable: false,
  },
  'MCP-GROUP': {
    message: 'It is not said of whom.',
    advice: 'Name exactly one of what this tool takes: a ward or a panel, or, where it takes one, a patient.',
    retryable: false,
  },
  'MCP-CURSOR': { message: 'The cursor is not one this hub gave.', advice: 'List from the start, without a cursor.', retryable: false },
  'MCP-NOT-FOLLOWED': {
    message: 'This resource cannot be subscribed to: nobody is told when it changes.',
    advice: 'Read it when it is needed, or subscribe to the latest values, alerts or trend of a patient, to a ward or to a panel.',
    retryable: false,
  },
  'MCP-URI': {
    message: 'A variable of this URI is not one that is taken here.',
    advice: 'A vital sign is a key such as spo2 or hr; a window is 1h, 6h, 24h, 7d or 30d; points is a whole number from 1 to 200.',
    retryable: false,
  },
  'MCP-PEER': {
    message: 'The MCP service did not answer as it must.',
    advice: 'Check the service name, and versions on both sides.',
    retryable: true,
  },

  // Demo
  'DEMO-PROCESS': {
    message: 'A process of the demo ended before it should.',
    advice: 'Read its log, whose path stands beside its name; it is kept when the demo fails.',
    retryable: true,
  },
  'DEMO-ONLY-IN-CLONE': {
    message: 'The demo runs in a clone of the repository only: its simulated devices are not part of the package.',
    advice: 'Clone the repository and run: npm run demo.',
    retryable: false,
  },

  // Operator's socket
  'OPERATOR-NOT-RUNNING': {
    message: 'No process answers at the operator socket.',
    advice: 'Start it, or give the configuration it was started with.',
    retryable: true,
  },
  'OPERATOR-BUSY': {
    message: 'The process takes no more operator calls at the moment.',
    advice: 'End those that hang, such as an export that nobody reads, or wait and try again.',
    retryable: true,
  },
  'OPERATOR-SOCKET': {
    message: 'The operator socket cannot be made.',
    advice: 'Check the folder: it must belong to this user with mode 0700, and no other process may hold it.',
    retryable: false,
  },
  'OPERATOR-COMMAND': {
    message: 'The process does not know this operator command.',
    advice: 'Use the command line of the same version.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptionsWithDetail extends ErrorOptions {
  /** What exactly, for an operator: a path, a field, a limit. Never a patient's data, never bytes from a device. */
  detail?: string;
}

/** The only error that Vitalmesh throws. `code` is stable; `message` is the table's text and, behind a colon, the detail. */
export class VitalmeshError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: ErrorOptionsWithDetail = {}) {
    const { message } = ERRORS[code];
    super(options.detail === undefined ? message : `${message.slice(0, -1)}: ${options.detail}`, options);
    this.name = 'VitalmeshError';
    this.code = code;
    this.detail = options.detail;
  }

  get advice(): string {
    return ERRORS[this.code].advice;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** A code with the sentence of the table, for people: `OVERLAY-DENIED (The overlay refused: …)`. */
export function meaningOf(code: ErrorCode): string {
  return `${code} (${ERRORS[code].message.slice(0, -1)})`;
}

/** True for a code of the table; for codes that come over a wire. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** Any thrown thing as a VitalmeshError; what is not one already becomes `code` with the original as its cause. */
export function asVitalmeshError(thrown: unknown, code: ErrorCode = 'INTERNAL'): VitalmeshError {
  return thrown instanceof VitalmeshError ? thrown : new VitalmeshError(code, { cause: thrown });
}
