import type { ErrorEntry } from './entry.ts';

/** Of what lies on disk: outbox, stores, copies, checks. */
export const STORAGE_ERRORS = {
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
} as const satisfies Record<string, ErrorEntry>;
