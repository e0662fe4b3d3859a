import type { ErrorEntry } from './entry.ts';

/** Of patients, beds and what is known of them. */
export const PATIENTS_ERRORS = {
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
  'AMEND-NONE': {
    message: 'No reading that is kept is of it, so nothing was decided.',
    advice:
      'Check the patient, the times, the vital sign and the device, as its messages name it (`vitalmesh-hub export` shows them); what was given away is its new patient’s (`vitalmesh-hub readings list`). Where it is all still to come, from a gateway that is cut off, say it with --to-come.',
    retryable: false,
  },
  'AMEND-NOT-FOUND': { message: 'There is no such amendment.', advice: '`vitalmesh-hub readings list` names them.', retryable: false },
  'AMEND-LOST': {
    message: 'The store was put back, and what people decided about readings since then is gone.',
    advice:
      'What was void counts again, what was given to somebody is its first patient’s again. Decide it again (`vitalmesh-hub readings void`, `reassign`, `confirm`), then put `confirmed`, with the time of now, into the rows of the gateways of these readings in registry.yaml, and reload (SIGHUP); see OPERATIONS.md, “Readings that are wrong”.',
    retryable: false,
  },
  'AMEND-NOT-DOUBTFUL': {
    message: 'Nothing about this reading is doubtful, so nothing is to be confirmed.',
    advice: 'It counts as it is. `vitalmesh-hub readings list --doubtful` lists what is doubtful, with the ids.',
    retryable: false,
  },
  'AMEND-VOID': {
    message: 'This reading was entered in error, so it cannot be confirmed.',
    advice:
      'Take that back first if it was wrong: `vitalmesh-hub readings show` names the amendment, and `vitalmesh-hub readings undo` ends it.',
    retryable: false,
  },
  'AMEND-REPLACED': {
    message: 'This reading does not count any more: a later version took its place, or its device took it back.',
    advice: '`vitalmesh-hub readings show` lists all versions; confirm the one that stands, if it is doubtful.',
    retryable: false,
  },
  'AMEND-UNDONE': {
    message: 'The amendment was undone before.',
    advice: 'Nothing is left to do; `vitalmesh-hub readings show` tells what holds.',
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
  'PATIENT-LISTED': {
    message: 'This id is one of registry.yaml, which alone says who that is: no movement is about it, and it cannot be merged.',
    advice:
      'To make one of two ids of registry.yaml, put the one that stays in the place of the other there (beds, devices, gateways, panels, clients) and reload (SIGHUP); then give what is stored under the other to it, `vitalmesh-hub readings reassign --patient OLD --to-patient NEW --from T --to T --reason wrong-patient`.',
    retryable: false,
  },
  'PATIENT-ONE': {
    message: 'That these two are one person was said otherwise, too.',
    advice:
      'Nothing was changed: they are one whether this is said or not. `vitalmesh-hub patients show --patient ID` shows under which id somebody is; `vitalmesh-hub patients unmerge` parts them, whoever merged them.',
    retryable: false,
  },
  'PATIENT-NOT-MERGED': {
    message: 'These two numbers are not one person.',
    advice:
      'They were never merged, or were parted already: nothing is left to be parted. `vitalmesh-hub patients show --patient ID` shows under which id somebody is.',
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
  'PATIENT-DEVICE-TYPES': {
    message: 'Two devices of this gateway are called so: one by a serial number, another by an address.',
    advice:
      'Neither can be moved by hand, for what is stored does not tell them apart: let its messages say in which bed it is, or give one of both another id in its source.',
    retryable: false,
  },
  'PATIENT-DEVICE-UNHEARD': {
    message: 'Nothing of such a device was ever heard.',
    advice:
      'Write the id as its messages have it (`vitalmesh-hub export` shows them). Before the first message, say it with --gateway G --unheard.',
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
      'Only what was said by hand can be, once: the command that said it printed its id. What the hospital’s system said it takes back itself; a parting of two numbers is undone by merging them (`vitalmesh-hub patients merge`).',
    retryable: false,
  },
  'PATIENT-MISTYPED': {
    message: 'A character of this patient id is wrong: it is nobody’s.',
    advice: 'Copy it from where it is listed; do not mend it by hand.',
    retryable: false,
  },
} as const satisfies Record<string, ErrorEntry>;
